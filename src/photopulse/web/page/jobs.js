// A card for each job: sent, followed, shown, and found again after the tab was loaded anew.
import { faceMap } from "./faces.js";
import { forget, keep, keptJobs } from "./kept.js";
import { button, labeled, make } from "./make.js";
import { origin } from "./origin.js";
import { gallery, slider, zoom } from "./results.js";
import { address, archive, find, post, remove, sent, sentences } from "./server.js";
import { said, word } from "./words.js";

const list = document.querySelector("#jobs");
const all = document.querySelector("#all");
const cards = new Set();
// On these it does not depend which faces are found; they are kept for the restoration.
const notOfFaces = ["fidelity", "format", "grain", "save_mask", "seed", "sr"];
const makesPictures = (kind) => !["faces", "verify"].includes(kind);

// Sends a picture and follows its job; throws where it is refused.
export async function addJob(kind, name, body) {
  const fields = [...body].filter(([, value]) => typeof value === "string");
  const card = new Card({ kind, name, fields, masked: body.has("mask") });
  try {
    const job = await post(kind, kind === "faces" ? ofFaces(body) : body, () => card.tell(word("noRoom")), () => card.isRemoved);
    if (!job) return;
    if (card.isRemoved) remove(job.id);
    else card.follow(job);
  } catch (error) {
    card.leave();
    throw error;
  }
}

function ofFaces(body) {
  const data = new FormData();
  for (const [name, value] of body) if (!notOfFaces.includes(name)) data.append(name, value);
  if (body.has("save_mask")) data.set("repair", "auto");
  return data;
}

export async function findJobs() {
  for (const { id, ...told } of keptJobs()) {
    try {
      const job = await find(id);
      new Card(told).follow(job);
    } catch {
      forget(id);
    }
  }
}

export function drawJobs() {
  for (const card of cards) card.draw();
}

function offerAll() {
  const ids = [...cards].filter((card) => card.job?.state === "done" && makesPictures(card.kind)).map((card) => card.job.id);
  all.hidden = ids.length < 2;
  all.firstElementChild.href = archive(ids);
}

class Card {
  constructor({ kind, name, fields, masked }) {
    Object.assign(this, { kind, name, fields, masked });
    this.told = make("p", { className: "told" });
    this.told.setAttribute("role", "status");
    this.bar = labeled(make("progress"), name);
    this.preview = make("img", { className: "preview", hidden: true });
    this.content = make("div");
    this.row = make("div", { className: "row" });
    this.element = make("article", {}, make("h2", { textContent: name }), this.told, this.bar, this.preview, this.content, this.row);
    cards.add(this);
    list.prepend(this.element);
    this.draw();
  }

  follow(job) {
    keep({ id: job.id, kind: this.kind, name: this.name, fields: this.fields, masked: this.masked });
    this.events = new EventSource(address(job.id, "/events"));
    this.events.addEventListener("job", (event) => this.update(JSON.parse(event.data)));
    this.events.addEventListener("error", () => {
      if (this.events.readyState === EventSource.CLOSED) this.fail(word("gone"));
      else this.tell(word("lost"));
    });
    this.update(job);
  }

  update(job) {
    this.job = job;
    if (!this.isOver) return this.drawProgress();
    this.events.close();
    this.draw();
  }

  // Draws all anew: at the end, and in another language.
  draw() {
    this.content.replaceChildren();
    this.row.replaceChildren();
    this.preview.alt = word("preview");
    if (this.isOver) this.drawEnd(this.job);
    else if (this.job) this.drawProgress();
    else this.tell(word("uploading"));
    this.row.append(button(word(this.isOver ? "remove" : "cancel"), () => this.remove(), "quiet"));
    offerAll();
  }

  get isOver() {
    return this.job && !["waiting", "running"].includes(this.job.state);
  }

  drawProgress() {
    const { job } = this;
    const { stage, steps, done, doing, heard } = job.progress;
    const parts = job.state === "waiting" ? [word("waiting", job.ahead)] : [stage, ...(heard.length ? heard : [doing])].filter(Boolean).map(said);
    const time = job.expected_seconds === null ? [] : [word("expected", job.expected_seconds)];
    this.tell([parts.join(" › "), ...time].join(" · "));
    if (steps > 1) Object.assign(this.bar, { max: steps, value: Math.min(done, steps) });
    else this.bar.removeAttribute("value");
    if (job.preview) Object.assign(this.preview, { src: job.preview, hidden: false });
  }

  drawEnd(job) {
    this.bar.hidden = this.preview.hidden = true;
    if (job.state === "failed") return this.fail(sentences(job.error));
    if (job.state === "canceled") return this.fail(word("canceled"));
    this.tell(word("done", job.seconds));
    const [result] = job.results;
    if (this.kind === "upscale") this.content.append(gallery(job.results));
    else if (this.kind === "faces") this.content.append(faceMap(result, (faces) => this.again(faces)));
    else if (this.kind === "verify") this.content.append(...origin(result));
    else {
      const compare = slider(result);
      this.content.append(...compare.drawn);
      if (result.faces.length) {
        const map = faceMap(result, (faces) => this.again(faces));
        this.content.append(make("details", {}, make("summary", { textContent: word("faces") }), map));
      }
      this.row.append(zoom(result, compare.slider));
    }
    if (makesPictures(this.kind)) this.row.prepend(this.download(job));
  }

  download(job) {
    const several = job.results.length > 1;
    const link = make("a", { className: "button", href: address(job.id, "/result"), textContent: word(several ? "downloadAll" : "download") });
    link.download = several ? "results.zip" : job.results[0].name;
    return link;
  }

  tell(text) {
    if (this.told.textContent !== text) this.told.textContent = text;
    this.told.className = "told";
  }

  fail(text) {
    this.bar.hidden = true;
    this.told.textContent = text;
    this.told.className = "error";
  }

  // Restores the photo that was sent, with these faces only.
  async again(faces) {
    try {
      const body = new FormData();
      for (const [name, value] of this.fields) if (!["face", "only"].includes(name)) body.append(name, value);
      for (const number of faces) body.append("face", number);
      if (!faces.length) body.append("only", "photo");
      body.append("file", await sent(this.job.id, "input"), this.name);
      if (this.masked) body.append("mask", await sent(this.job.id, "mask"), "mask");
      await addJob("restore", this.name, body);
    } catch (error) {
      this.fail(error.message);
    }
  }

  async remove() {
    this.leave();
    document.querySelector("form:not([hidden]) input[type=file]").focus();
    if (!this.job) return;
    forget(this.job.id);
    await remove(this.job.id);
  }

  leave() {
    this.isRemoved = true;
    this.events?.close();
    cards.delete(this);
    this.element.remove();
    offerAll();
  }
}
