"use strict";
/* Runs page.js with a clock of the test's: node page_day.js PAGE ZONE NOW CLICK… → JSON of the day it asks for, and of where a
 * click at each instant searches. */
const fs = require("fs"), vm = require("vm");
const [, , page, zone, now, ...clicks] = process.argv;
const RealDate = Date, at = +new RealDate(now);
class FixedDate extends RealDate {
  constructor(...a) { super(...(a.length ? a : [at])); }
  static now() { return at; }
}
const elements = {}, asked = [], listeners = [];
function make(name) {
  return { name, value: "", textContent: "", hidden: false, style: {}, dataset: {}, children: [], append() {}, replaceChildren() {}, setAttribute() {},
    querySelectorAll: () => [], getBoundingClientRect: () => ({ left: 0, width: 1000 }),
    addEventListener(kind, fn) { if (name === "svg") listeners.push(fn); } };
}
const element = (id) => (elements[id] ??= make(id));
const coverage = (q) => ({ obliged_s: 1, covered_s: 1, completeness: 1, gaps: 0, longest_gap_s: 0,
  cameras: [{ id: "a", name: "a", completeness: 1, spans: [{ start: q.from, end: q.to, state: "recorded" }] }] });
const answers = { "/site": () => ({ timezone: zone, name: "x", rule: { title: "r", floor_days: 90 } }), "/coverage": coverage };
const context = { Date: FixedDate, Intl, URLSearchParams, console, JSON, Object, Math, Promise, Error, encodeURIComponent, parseInt, setTimeout: () => 0,
  clearTimeout: () => 0, navigator: { language: "en" }, location: { hash: "", search: "", pathname: "/" }, history: { replaceState() {} },
  sessionStorage: { getItem: () => "token", setItem() {} },
  document: { getElementById: element, createElement: make, createElementNS: (_, name) => make(name), querySelectorAll: () => [], documentElement: make("html") },
  fetch: async (url) => {
    const [path, query] = url.replace("/api/v1", "").split("?"), q = Object.fromEntries(new URLSearchParams(query));
    asked.push({ path, q });
    return { ok: true, json: async () => (answers[path] ?? (() => ({})))(q), headers: { get: () => "" } };
  } };
vm.createContext(context);
vm.runInContext(fs.readFileSync(page, "utf8"), context);
setTimeout(() => {
  const { from, to } = asked.find((a) => a.path === "/coverage").q, begin = +new RealDate(from), length = +new RealDate(to) - begin;
  element("minutes").value = "1";
  for (const click of clicks) listeners.at(-1)({ clientX: (new RealDate(click) - begin) / length * 1000 });
  const searched = asked.filter((a) => a.path.endsWith("footage.mp4")).map((a) => a.q.start);
  const week = asked.find((a) => a.path === "/gaps").q.from;
  console.log(JSON.stringify({ from, to, week, searched }));
}, 50);
