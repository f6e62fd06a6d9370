"use strict";
/* The plain page: site, cameras, today's coverage, gaps, a player. Reads the API only; every text
 * from it is put in as text, never as markup. Times are shown in the site's zone. */

const TEXTS = {
  zh: {
    token: "访问令牌", enter: "进入", tokenHint: "在录像机上运行 holdfast token add 名称 --role admin 取得令牌。",
    badToken: "令牌无效。", badCode: "此网址只能使用一次，已失效。请使用录像机最新显示的网址，或输入令牌。", today: "今天的录像", recorded: "已录", gap: "缺失", expired: "到期已删", pending: "待确认",
    player: "查看录像", camera: "摄像机", from: "开始", to: "结束", minutes: "分钟数", show: "查看", save: "保存文件",
    gaps: "缺失记录（近 7 天）", length: "时长", cause: "原因", noGaps: "没有缺失。", cameras: "摄像机", area: "区域",
    state: "状态", rate: "帧率 / 码率", oldest: "最早录像", still: "仍在继续", none: "无",
    offline: "与录像机的连接中断，正在重试。", searching: "正在查找……", floor: "录像至少保存 {d} 天",
    summary: "应录 {o}，已录 {c}，完整率 {p}，缺失 {g} 次，最长 {l}。",
    atRisk: "按现在的码率，硬盘将在 {d} 写满，90 天的录像还差 {b} GB。请增加硬盘。",
    smaller: "录小码流（硬盘太小）",
    given: "从 {s} 到 {e}；所查时间内没有录像的时段：{g}。", seconds: "秒", minutesUnit: "分", hours: "小时", other: "English",
    states: { recording: "录制中", starting: "正在启动", down: "没有录像", retired: "已停用", unknown: "未知" },
    causes: { camera_unreachable: "摄像机连接不上", camera_refused: "摄像机拒绝连接", stream_stalled: "摄像机没有送来画面",
      stream_unusable: "视频流无法录制", over_bitrate: "码率过高,会写满硬盘", recorder_down: "录像机未运行", storage_full: "硬盘已满", storage_failed: "硬盘故障",
      clock_stepped: "系统时钟被调整", footage_missing: "录像文件丢失", footage_damaged: "录像文件损坏" },
  },
  en: {
    token: "Access token", enter: "Enter", tokenHint: "Run holdfast token add NAME --role admin on the recorder to get one.",
    badToken: "That token is not valid.",
    badCode: "This address works once, and was used. Open the one that the recorder printed last, or enter a token.", today: "Today's footage", recorded: "recorded", gap: "gap", expired: "expired", pending: "not yet known",
    player: "See footage", camera: "Camera", from: "From", to: "To", minutes: "Minutes", show: "Show", save: "Save file",
    gaps: "Gaps (last 7 days)", length: "Length", cause: "Cause", noGaps: "No gaps.", cameras: "Cameras", area: "Area",
    state: "State", rate: "Frames / bits", oldest: "Oldest footage", still: "still open", none: "none",
    offline: "The recorder does not answer; trying again.", searching: "Searching…", floor: "footage is kept at least {d} days",
    summary: "Obliged {o}, recorded {c}, completeness {p}, {g} gaps, the longest {l}.",
    atRisk: "At the present rate the disks are full on {d}; the rule's days lack {b} GB. Add a disk.",
    smaller: "smaller stream (disks too small)",
    given: "From {s} to {e}; stretches without footage in what was asked: {g}.", seconds: "s", minutesUnit: "min", hours: "h", other: "中文",
    states: { recording: "recording", starting: "starting", down: "not recorded", retired: "retired", unknown: "unknown" },
    causes: { camera_unreachable: "camera cannot be reached", camera_refused: "camera refused us", stream_stalled: "camera sent no pictures",
      stream_unusable: "stream cannot be recorded", over_bitrate: "so much that the disks would fill", recorder_down: "recorder was not running", storage_full: "disk full", storage_failed: "disk failed",
      clock_stepped: "system clock was stepped", footage_missing: "footage is missing", footage_damaged: "footage is damaged" },
  },
};
const REFRESH_MS = 5000;
const GAPS_DAYS = 7;
const DAY_MS = 86400e3;
const AGAIN_MS = 60e3;
const $ = (id) => document.getElementById(id);

let language = navigator.language.startsWith("zh") ? "zh" : "en";
let zone = "Asia/Shanghai";
let token = sessionStorage.getItem("token") || "";
let timer = 0;

const t = (key, values = {}) => TEXTS[language][key].replace(/\{(\w)\}/g, (_, k) => values[k]);

function keep(given) {
  token = given;
  sessionStorage.setItem("token", token);
}

/* A code comes once in the address. It is taken out of it and traded for a token, which this tab alone keeps. */
async function enter() {
  const code = new URLSearchParams(location.search).get("code");
  if (code === null) return refresh();
  history.replaceState(null, "", location.pathname);
  try {
    keep((await post("/session", { code })).token);
  } catch (error) {
    if (!token) return show(false, t(error.status ? "badCode" : "offline"));
  }
  refresh();
}

/* --- the API ------------------------------------------------------------- */

function get(path, query = {}) {
  return ask(path + "?" + new URLSearchParams(query), {});
}
function post(path, body) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
async function ask(path, { headers, ...rest }) {
  const who = token ? { Authorization: "Bearer " + token } : {};
  const answer = await fetch("/api/v1" + path, { ...rest, headers: { ...who, ...headers, "Accept-Language": language }, cache: "no-store" });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(body.detail || answer.statusText), { status: answer.status, body });
  return body;
}

const items = (answer, name) => answer[name] || answer.items || [];

/* --- time in the site's zone ------------------------------------------------ */

function parts(date) {
  const f = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit",
    day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return Object.fromEntries(f.formatToParts(date).map((p) => [p.type, p.value]));
}
/* What the site's clocks show at an instant, as if it were UTC, in milliseconds. */
function wall(date) {
  const p = parts(date);
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second);
}
const plain = (ms) => new Date(ms).toISOString().slice(0, 19);
const offsetAt = (ms) => wall(new Date(ms)) - Math.floor(ms / 1000) * 1000;

/* Every instant at which the site's clocks show this: one, two (an hour that comes twice), or none. */
function instantsOf(shownMs) {
  const offsets = new Set([-DAY_MS, 0, DAY_MS].map((d) => offsetAt(shownMs + d)));
  return [...offsets].map((o) => shownMs - o).filter((ms) => wall(new Date(ms)) === shownMs).sort((a, b) => a - b);
}

/* The local time of an instant; with the offset behind it where the clocks show it twice. */
function local(date) {
  const shownMs = wall(date), text = plain(shownMs);
  return instantsOf(shownMs).length > 1 ? text + offsetText(offsetAt(+date)) : text;
}
function offsetText(ms) {
  const s = Math.abs(ms) / 1000, two = (n) => String(Math.floor(n)).padStart(2, "0");
  return (ms < 0 ? "-" : "+") + two(s / 3600) + ":" + two(s / 60 % 60) + (s % 60 ? ":" + two(s % 60) : "");
}
const shown = (text) => local(new Date(text)).replace("T", " ");

/* The instant at which the site's clocks show this local time: the one with the offset that is told, else the first. A time
 * that the clocks leave out is the instant at which they do. */
function instant(localText) {
  const [, text, sign, h, m, s] = /^(.{16}(?::\d\d)?)(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(localText);
  const shownMs = +new Date(text + "Z");
  if (sign) return new Date(shownMs - (sign === "-" ? -1000 : 1000) * (h * 3600 + m * 60 + +(s || 0)));
  const all = instantsOf(shownMs);
  if (all.length) return new Date(all[0]);
  let before = shownMs - offsetAt(shownMs - DAY_MS) - DAY_MS, after = before + 2 * DAY_MS;
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (wall(new Date(middle)) < shownMs) before = middle; else after = middle;
  }
  return new Date(after);
}

/* The first instant of a local day, some days from that of `date`: days have 23, 24 or 25 hours, and not all begin at midnight. */
const dayStart = (date, days) => instant(plain(Date.parse(plain(wall(date)).slice(0, 10) + "T00:00:00Z") + days * DAY_MS));

function duration(seconds) {
  if (seconds < 120) return seconds.toFixed(seconds < 10 ? 1 : 0) + " " + t("seconds");
  if (seconds < 7200) return (seconds / 60).toFixed(1) + " " + t("minutesUnit");
  return (seconds / 3600).toFixed(1) + " " + t("hours");
}

/* Never rounded up to a hundred: 99.999 % is not all of it. */
const percent = (x) => (x >= 1 ? "100" : (Math.floor(x * 1e5) / 1e3).toFixed(3)) + " %";

/* --- drawing ------------------------------------------------------------------ */

function element(name, attributes, ...children) {
  const svg = name === "svg" || name === "rect" || name === "title";
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  e.append(...children);
  return e;
}
const row = (cells, attributes) => element("tr", attributes, ...cells.map((c) => element("td", null, c)));

function drawBar(camera, from, to) {
  const svg = element("svg", { viewBox: `0 0 ${(to - from) / 1000} 10`, preserveAspectRatio: "none", role: "img", "aria-label": camera.name });
  for (const s of camera.spans) {
    const known = s.state === "pending" ? Math.min(new Date(s.end), Date.now()) : new Date(s.end); /* the future is blank */
    const a = (new Date(s.start) - from) / 1000, b = (known - from) / 1000;
    if (b <= a) continue;
    const width = s.state === "gap" ? Math.max(b - a, 120) : b - a; /* a short gap must be seen */
    const text = `${t(s.state === "not_obliged" ? "none" : s.state)} ${shown(s.start)} – ${shown(s.end)} ` +
      (s.cause ? TEXTS[language].causes[s.cause] || s.cause : "");
    svg.append(element("rect", { x: a, y: 0, width, height: 10, class: s.state }, element("title", null, text)));
  }
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    $("camera").value = camera.id;
    choose(new Date(+from + (to - from) * (event.clientX - box.left) / box.width));
    find();
  });
  return element("div", { class: "bar" }, element("b", { title: camera.id }, camera.name), svg,
    element("output", null, percent(camera.completeness)));
}

function drawCoverage(coverage, from, to) {
  $("summary").textContent = t("summary", { o: duration(coverage.obliged_s), c: duration(coverage.covered_s),
    p: percent(coverage.completeness), g: coverage.gaps, l: duration(coverage.longest_gap_s) });
  $("bars").replaceChildren(...coverage.cameras.map((c) => drawBar(c, from, to)));
}

function drawCameras(cameras, areas) {
  const names = Object.fromEntries(areas.map((a) => [a.id, a.name]));
  $("cameras").replaceChildren(...cameras.map((c) => row([c.name, names[c.area] || c.area,
    (TEXTS[language].states[c.state] || c.state || "") + (c.stream === "sub" ? " · " + t("smaller") : ""), c.fps ? `${c.fps.toFixed(1)} / ${(c.bitrate_bps / 1e6).toFixed(2)} Mbit/s` : "",
    c.oldest ? shown(c.oldest) : t("none")])));
  const chosen = $("camera").value;
  $("camera").replaceChildren(...cameras.map((c) => element("option", { value: c.id }, c.name)));
  if (chosen) $("camera").value = chosen;
}

function drawGaps(gaps, cameras) {
  const names = Object.fromEntries(cameras.map((c) => [c.id, c.name]));
  $("no-gaps").hidden = gaps.length > 0;
  $("gaps").replaceChildren(...gaps.reverse().map((g) => row([names[g.camera] || g.camera, shown(g.start),
    g.end ? shown(g.end) : t("still"), duration((new Date(g.end || Date.now()) - new Date(g.start)) / 1000),
    (TEXTS[language].causes[g.cause] || g.cause) + (g.explanation ? " · " + g.explanation : "")],
    g.end ? null : { class: "open" })));
}

function drawForecast(forecast) {
  const risk = forecast && forecast.at_risk;
  $("risk").hidden = !risk;
  if (risk) $("risk").textContent = t("atRisk", { d: forecast.full_on, b: Math.ceil(forecast.missing_bytes / 1e9) });
}

function drawTexts() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
  $("language").textContent = t("other");
}

/* --- what people do --------------------------------------------------------------- */

/* A gap list of any length: follow the cursor to its end. */
async function allGaps(query) {
  const gaps = [];
  for (let cursor = ""; ; ) {
    const page = await get("/gaps", cursor ? { ...query, cursor } : query);
    gaps.push(...items(page, "gaps"));
    if (!page.next) return gaps;
    cursor = page.next;
  }
}

async function refresh() {
  clearTimeout(timer);
  try {
    const site = await get("/site");
    zone = site.timezone;
    const now = new Date(), midnight = dayStart(now, 0), tomorrow = dayStart(now, 1), week = dayStart(now, 1 - GAPS_DAYS);
    const [areas, cameras, retention, coverage, gaps] = await Promise.all([get("/areas"), get("/cameras"), get("/retention"),
      get("/coverage", { from: midnight.toISOString(), to: tomorrow.toISOString() }),
      allGaps({ from: week.toISOString(), to: tomorrow.toISOString() })]);
    $("site").textContent = site.name;
    $("rule").textContent = `${site.rule.title} · ${t("floor", { d: site.rule.floor_days })}`;
    drawForecast(retention.forecast);
    drawCoverage(coverage, midnight, tomorrow);
    drawCameras(items(cameras, "cameras"), items(areas, "areas"));
    drawGaps(gaps, items(cameras, "cameras"));
    if (!$("at").value) choose(new Date(Date.now() - 90e3));
    show(true);
    $("alarm").hidden = true;
  } catch (error) {
    if (error.status === 401 || error.status === 403) return show(false, token ? t("badToken") : "");
    $("alarm").textContent = t("offline");
    $("alarm").hidden = false;
  }
  timer = setTimeout(refresh, REFRESH_MS);
}

function show(inside, error = "") {
  $("main").hidden = !inside;
  $("login").hidden = inside;
  $("login-error").textContent = error;
}

/* What stands in the field, unless a person wrote there, is this very instant: the field knows no offset and no milliseconds. */
let choice = { text: "", at: null };
function choose(date) {
  choice = { text: local(date).slice(0, 19), at: date };
  $("at").value = choice.text;
}
function chosen() {
  const text = $("at").value.length === 16 ? $("at").value + ":00" : $("at").value;
  return text === choice.text ? choice.at : instant(text);
}

/* What is shown: its camera and range, and the instant at which its present address was asked for. */
let found = null;

/* An address that a player can be given: it works once, and then for this browser alone. */
async function addressOf({ camera, range }) {
  return (await post(`/cameras/${encodeURIComponent(camera)}/footage-link`, range)).address;
}
async function play(at) {
  found.asked = Date.now();
  $("video").src = await addressOf(found);
  $("video").currentTime = at;
}
/* What it was given ends when nobody asked for an hour. */
function playAgain() {
  if (found && Date.now() - found.asked > AGAIN_MS) play($("video").currentTime).catch(() => {});
}
async function save(event) {
  event.preventDefault();
  try {
    element("a", { href: await addressOf(found), download: $("save").download }).click();
  } catch (error) {
    $("found").textContent = error.message;
  }
}

async function find() {
  const start = chosen(), end = new Date(+start + $("minutes").value * 60e3);
  const camera = $("camera").value, range = { start: start.toISOString(), end: end.toISOString() };
  const url = `/api/v1/cameras/${encodeURIComponent(camera)}/footage.mp4?` + new URLSearchParams(range);
  $("found").textContent = t("searching");
  $("video").hidden = $("save").hidden = true;
  const answer = await fetch(url, { headers: { Authorization: "Bearer " + token, "Accept-Language": language, Range: "bytes=0-0" } });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    $("found").textContent = problem.detail || answer.statusText;
    return;
  }
  const given = (answer.headers.get("Holdfast-Given") || "/").split("/");
  $("found").textContent = t("given", { s: given[0] ? shown(given[0]) : "?", e: given[1] ? shown(given[1]) : "?",
    g: parseInt(answer.headers.get("Holdfast-Gaps") || "0", 10) });
  found = { camera, range };
  $("save").download = `${camera}-${$("at").value.replace(/:/g, "")}.mp4`;
  try {
    await play(0);
  } catch (error) {
    $("found").textContent = error.message;
    return;
  }
  $("video").hidden = $("save").hidden = false;
}

$("video").addEventListener("error", playAgain);
$("save").addEventListener("click", save);
$("find").addEventListener("submit", (event) => { event.preventDefault(); find(); });
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  keep($("token").value.trim());
  refresh();
});
$("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  drawTexts();
  refresh();
});

drawTexts();
enter();
