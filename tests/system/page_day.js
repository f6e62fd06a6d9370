"use strict";
/* Runs page.js with a clock of the test's: node page_day.js PAGE ZONE NOW CLICK… → JSON of the day it asks for, and of where a
 * click at each instant searches. */
const stub = require("./page_stub.js");
const [, , page, zone, now, ...clicks] = process.argv;
const { asked, clicks: listeners, element } = stub.run(page, { now, token: "token",
  answers: { "/site": () => stub.site(zone), "/coverage": stub.coverage } });
setTimeout(() => {
  const { from, to } = asked.find((a) => a.path === "/coverage").q, begin = +new Date(from), length = +new Date(to) - begin;
  element("minutes").value = "1";
  for (const click of clicks) listeners.at(-1)({ clientX: (new Date(click) - begin) / length * 1000 });
  const searched = asked.filter((a) => a.path.endsWith("footage.mp4")).map((a) => a.q.start);
  const week = asked.find((a) => a.path === "/gaps").q.from;
  console.log(JSON.stringify({ from, to, week, searched }));
}, 50);
