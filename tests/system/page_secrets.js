"use strict";
/* Runs page.js as it is opened by an address with a code: node page_secrets.js PAGE USED → JSON of what it asked, kept and showed.
 * USED: the code was used before. Then footage is searched and saved. */
const stub = require("./page_stub.js");
const [, , page, used] = process.argv;
let links = 0;
const { asked, element, kept, shown } = stub.run(page, { search: "?code=c0de", answers: {
  "/session": () => (used ? { status: 401, detail: "used" } : { token: "hf_secret" }),
  "/site": () => stub.site("Asia/Shanghai"), "/coverage": stub.coverage,
  "/cameras/a/footage-link": () => ({ address: `/footage?code=${++links}` }) } });
const told = () => ({ asked: asked.map(({ path, url, headers, search }) => ({ path, url, search, bearer: headers.Authorization ?? null })), kept, shown,
  src: element("video").src ?? null, error: element("login-error").textContent });
setTimeout(() => {
  if (used) return console.log(JSON.stringify(told()));
  element("camera").value = "a";
  element("minutes").value = "1";
  element("find").handlers.submit({ preventDefault() {} });
  setTimeout(() => {
    element("save").handlers.click({ preventDefault() {} });
    setTimeout(() => console.log(JSON.stringify(told())), 50);
  }, 50);
}, 50);
