// The page of a study: one trial at a time, answered by keys or buttons.
import { choose, word } from "./words.js";

const API = "api/v1";
const LEAST = 200; // Milliseconds for which keys are ignored, so that one that is held down answers once.
const byId = (id) => document.querySelector(`#${id}`);

let study;
let rater; // How far the rater is.
let shownAt = null; // When the pictures of the trial were seen; null while none can be answered.
let whole = true; // Whether they were seen without scrolling.
const loaded = new Map(); // Pictures by address, loaded before their turn.

// Sections: one is shown.
function show(name) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== name;
}

function tell(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

// What the server says.
async function ask(address, fields) {
  const options = fields ? { method: "POST", body: new URLSearchParams(fields) } : {};
  const response = await fetch(`${API}/${address}`, options).catch(() => { throw new Error(word("offline")); });
  const told = await response.json();
  if (!response.ok) throw Object.assign(new Error(`${told.error.what}: ${told.error.why}.`), { status: response.status });
  return told;
}

// Pictures.
function load(address) {
  if (!loaded.has(address)) {
    const image = new Image();
    image.src = address;
    loaded.set(address, image);
  }
  return loaded.get(address);
}

function figure(image, number, many) {
  const element = document.createElement("figure");
  image.alt = word("picture", number);
  element.append(image);
  if (many) element.append(Object.assign(document.createElement("figcaption"), { textContent: image.alt }));
  return element;
}

function isSeen(image) {
  const box = image.getBoundingClientRect();
  return box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= byId("answers").getBoundingClientRect().top;
}

// A trial.
function button(answer) {
  const element = document.createElement("button");
  element.dataset.answer = answer;
  element.append(answer);
  const label = study.kind === "mos" ? word("grades")[answer - 1] : word("picture", answer);
  element.append(Object.assign(document.createElement("small"), { textContent: label }));
  element.addEventListener("click", () => give(answer));
  return element;
}

function write() {
  const { trial } = rater;
  byId("progress").max = rater.total;
  byId("progress").value = trial.number;
  byId("count").textContent = word("count", trial.number, rater.total);
  byId("question").textContent = trial.example === null ? word("question")[study.kind] : word("example", trial.example);
  byId("answers").replaceChildren(...rater.answers.map(button));
  for (const one of byId("answers").children) one.disabled = trial.example !== null && +one.dataset.answer !== trial.example;
}

async function next() {
  shownAt = null;
  const { trial } = rater;
  if (trial === null) { show("end"); return; }
  // The pictures of this trial are decoded before anything is seen of it.
  const images = trial.pictures.map(load);
  try {
    await Promise.all(images.map((image) => image.decode()));
  } catch {
    loaded.clear();
    show("paused");
    tell(word("offline"));
    return;
  }
  write();
  byId("pictures").replaceChildren(...images.map((image, place) => figure(image, place + 1, images.length > 1)));
  show("trial");
  scrollTo(0, 0);
  whole = images.every(isSeen);
  shownAt = performance.now();
  // Then those of the next are loaded.
  for (const address of loaded.keys()) if (!trial.pictures.includes(address)) loaded.delete(address);
  rater.following?.pictures.map(load);
}

async function give(answer) {
  if (shownAt === null || performance.now() - shownAt < LEAST) return;
  const seconds = (performance.now() - shownAt) / 1000;
  shownAt = null;
  tell("");
  try {
    rater = await ask(`raters/${rater.rater}/answers`, {
      trial: rater.trial.number,
      answer,
      seconds: Math.min(seconds, 86400).toFixed(3),
      screen: `${screen.width}x${screen.height}`,
      window: `${innerWidth}x${innerHeight}`,
      zoom: devicePixelRatio * (visualViewport?.scale ?? 1),
      whole,
    });
  } catch (error) {
    tell(word("unsaved", error.message));
    if (!error.status) { shownAt = performance.now() - seconds * 1000; return; }
    rater = await ask(`raters/${rater.rater}`).catch(() => rater);
  }
  await next();
}

// Keys: the answer's digit; of two pictures, the arrows too; Escape pauses.
function press(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || byId("trial").hidden) return;
  const arrows = { ArrowLeft: 1, ArrowRight: 2 };
  const answer = study.kind !== "mos" && event.key in arrows ? arrows[event.key] : +event.key;
  if (event.key === "Escape") pause();
  else if (event.target !== byId("language")) byId("answers").querySelector(`[data-answer="${answer}"]:enabled`)?.click();
}

// Beginning, pausing, going on.
function pause() {
  shownAt = null;
  byId("link").textContent = byId("link").href = location.href;
  show("paused");
  byId("resume").focus();
}

async function begin() {
  tell("");
  try {
    rater = await ask("raters", { agree: "true" });
  } catch (error) {
    tell(error.message);
    return;
  }
  history.replaceState(null, "", `#${rater.rater}`);
  await next();
}

function welcome() {
  // Screens of phones often have a ratio that is no whole number, and cannot be told to have another.
  byId("zoomed").hidden = Number.isInteger(devicePixelRatio) || matchMedia("(pointer: coarse)").matches;
  show("welcome");
  byId("begin").focus();
}

async function open() {
  study = await ask("study");
  document.title = byId("title").textContent = study.title;
  for (const name of ["instructions", "consent"]) byId(name).textContent = study[name];
  const token = location.hash.slice(1);
  if (!token) { welcome(); return; }
  try {
    rater = await ask(`raters/${encodeURIComponent(token)}`);
  } catch (error) {
    tell(error.message);
    welcome();
    return;
  }
  if (rater.trial === null) show("end");
  else pause();
}

byId("begin").addEventListener("click", begin);
byId("pause").addEventListener("click", pause);
byId("resume").addEventListener("click", () => { tell(""); next(); });
byId("language").addEventListener("change", () => { choose(byId("language").value); if (!byId("trial").hidden) write(); });
document.addEventListener("keydown", press);
addEventListener("hashchange", () => location.reload());

byId("language").value = navigator.language.startsWith("zh") ? "zh" : "en";
choose(byId("language").value);
open().catch((error) => tell(error.message));
