"use strict";
/* A browser of the least kind: run(PAGE, { now, search, token, answers }) → what page.js asked for, and the elements that it knows. */
const fs = require("fs"), vm = require("vm");
const RealDate = Date;

exports.run = (page, { now, search = "", token = null, answers }) => {
  const at = now ? +new RealDate(now) : null;
  class FixedDate extends RealDate {
    constructor(...a) { super(...(a.length || at === null ? a : [at])); }
    static now() { return at ?? RealDate.now(); }
  }
  const elements = {}, asked = [], clicks = [], shown = [], kept = {};
  const make = (name) => {
    const handlers = {};
    return { name, value: "", textContent: "", hidden: false, style: {}, dataset: {}, children: [], handlers, append() {}, replaceChildren() {},
      setAttribute(k, v) { this[k] = v; }, click() { shown.push(this.href); }, querySelectorAll: () => [],
      getBoundingClientRect: () => ({ left: 0, width: 1000 }),
      addEventListener(kind, fn) { handlers[kind] = fn; if (name === "svg") clicks.push(fn); } };
  };
  const element = (id) => (elements[id] ??= make(id));
  if (token) kept.token = token;
  const location = { hash: "", search, pathname: "/" };
  const context = { Date: FixedDate, Intl, URLSearchParams, console, JSON, Object, Math, Promise, Error, encodeURIComponent, parseInt, setTimeout: () => 0,
    clearTimeout: () => 0, navigator: { language: "en" }, location, history: { replaceState(_, __, to) { location.search = ""; shown.push(to); } },
    sessionStorage: { getItem: (k) => kept[k] ?? null, setItem(k, v) { kept[k] = v; } },
    document: { getElementById: element, createElement: make, createElementNS: (_, name) => make(name), querySelectorAll: () => [], documentElement: make("html") },
    fetch: async (url, { headers, body } = {}) => {
      const [path, query] = url.replace("/api/v1", "").split("?"), q = Object.fromEntries(new URLSearchParams(query));
      asked.push({ path, q, url, headers, body, search: location.search });
      const answer = (answers[path] ?? (() => ({})))(q, body);
      return { ok: !answer.status, status: answer.status ?? 200, json: async () => answer, headers: { get: () => "" } };
    } };
  vm.createContext(context);
  vm.runInContext(fs.readFileSync(page, "utf8"), context);
  return { asked, clicks, element, kept, shown };
};

exports.site = (zone) => ({ timezone: zone, name: "x", rule: { title: "r", floor_days: 90 } });
exports.coverage = (q) => ({ obliged_s: 1, covered_s: 1, completeness: 1, gaps: 0, longest_gap_s: 0,
  cameras: [{ id: "a", name: "a", completeness: 1, spans: [{ start: q.from, end: q.to, state: "recorded" }] }] });
