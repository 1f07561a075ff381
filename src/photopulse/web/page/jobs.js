// A card for each job: sent, followed, shown.
import { said, word } from "./words.js";

const list = document.querySelector("#jobs");

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const sentences = ({ what, why, fix }) => `${what}: ${why}. ${fix[0].toUpperCase()}${fix.slice(1)}.`;

async function answer(response) {
  const told = await response.json().catch(() => null);
  if (response.ok) return told;
  throw new Error(told?.error ? sentences(told.error) : `${response.status} ${response.statusText}`);
}

// Sends a picture and follows its job; throws where it is refused.
export async function addJob(kind, name, body) {
  const card = new Card(name, body);
  list.prepend(card.element);
  try {
    const job = await answer(await fetch(`api/v1/${kind}`, { method: "POST", body }));
    card.follow(job);
  } catch (error) {
    card.element.remove();
    throw error;
  }
}

class Card {
  constructor(name, body) {
    this.name = name;
    this.body = body;
    this.told = make("p", { className: "told", textContent: word("uploading") });
    this.bar = make("progress");
    this.end = make("button", { type: "button", className: "quiet", textContent: word("cancel") });
    this.end.addEventListener("click", () => this.remove());
    this.preview = make("img", { className: "preview", hidden: true, alt: word("preview") });
    this.row = make("div", { className: "row" }, this.end);
    this.element = make("article", {}, make("h2", { textContent: name }), this.told, this.bar, this.preview, this.row);
    this.bar.setAttribute("aria-label", name);
  }

  follow(job) {
    this.address = `api/v1/jobs/${job.id}`;
    this.events = new EventSource(`${this.address}/events`);
    this.events.addEventListener("job", (event) => this.draw(JSON.parse(event.data)));
    this.events.addEventListener("error", () => {
      if (this.events.readyState === EventSource.CLOSED) this.fail(word("gone"));
    });
    this.draw(job);
  }

  draw(job) {
    if (job.state === "waiting" || job.state === "running") return this.drawProgress(job);
    this.events.close();
    this.bar.hidden = this.preview.hidden = true;
    this.end.textContent = word("remove");
    if (job.state === "failed") return this.fail(sentences(job.error));
    if (job.state === "canceled") return this.fail(word("canceled"));
    this.told.textContent = word("done", job.seconds);
    this.drawResults(job);
  }

  drawProgress(job) {
    const { stage, steps, done, doing, heard } = job.progress;
    const parts = job.state === "waiting" ? [word("waiting", job.ahead)] : [stage, ...(heard.length ? heard : [doing])].filter(Boolean).map(said);
    const time = job.expected_seconds === null ? [] : [word("expected", job.expected_seconds)];
    this.told.textContent = [parts.join(" › "), ...time].join(" · ");
    if (steps > 1) Object.assign(this.bar, { max: steps, value: Math.min(done, steps) });
    else this.bar.removeAttribute("value");
    if (job.preview) Object.assign(this.preview, { src: job.preview, hidden: false });
  }

  fail(text) {
    this.bar.hidden = true;
    this.told.textContent = text;
    this.told.className = "error";
  }

  drawResults(job) {
    const link = make("a", { className: "button", href: `${this.address}/result` });
    link.textContent = word(job.results.length > 1 ? "downloadAll" : "download");
    link.download = job.results.length > 1 ? "results.zip" : job.results[0].name;
    this.row.prepend(link);
    if (job.kind === "restore") this.row.before(...slider(job.results[0], this.row), ...this.faces(job.results[0]));
    else this.row.before(gallery(job.results));
  }

  // The photo with a button on each face, where there are faces to choose from.
  faces(result) {
    if (!result.faces.length) return [];
    const image = picture(result.before, word("before"));
    const map = make("div", { className: "faces" }, image);
    const buttons = result.faces.map((face, number) => faceButton(face, number, image));
    map.append(...buttons);
    const again = make("button", { type: "button", className: "quiet", textContent: word("facesStart") });
    const chosen = () => buttons.flatMap((button, number) => (button.ariaPressed === "true" ? [number + 1] : []));
    again.addEventListener("click", () => this.again(chosen()));
    return [make("details", {}, make("summary", { textContent: word("faces") }), map, again)];
  }

  async again(faces) {
    this.body.delete("face");
    this.body.delete("only");
    for (const number of faces) this.body.append("face", number);
    if (!faces.length) this.body.append("only", "photo");
    await addJob("restore", this.name, this.body).catch((error) => this.fail(error.message));
  }

  async remove() {
    this.events?.close();
    this.element.remove();
    if (this.address) await fetch(this.address, { method: "DELETE" });
  }
}

function picture(src, alt) {
  return make("img", { src, alt });
}

function slider(result, row) {
  const [before, after] = [picture(result.before, word("before")), picture(result.shown, word("after"))];
  before.slot = "first";
  after.slot = "second";
  const compare = make("img-comparison-slider", { title: word("slider") }, before, after);
  compare.setAttribute("aria-label", word("slider"));
  compare.setAttribute("keyboard", "enabled");
  const pane = make("div", { className: "pane" }, compare);
  row.append(zoom(result, compare));
  return [make("p", { className: "notice", textContent: said(result.notice) }), pane];
}

function faceButton(face, number, image) {
  const button = make("button", { type: "button", textContent: number + 1, title: face.why_not ?? "" });
  button.setAttribute("aria-label", word("face", number + 1));
  button.setAttribute("aria-pressed", face.restored);
  button.addEventListener("click", () => button.setAttribute("aria-pressed", button.ariaPressed !== "true"));
  image.addEventListener("load", () => {
    const share = (length, all) => `${100 * length / all}%`;
    button.style.left = share(face.x - face.side / 2, image.naturalWidth);
    button.style.top = share(face.y - face.side / 2, image.naturalHeight);
    button.style.width = share(face.side, image.naturalWidth);
    button.style.height = share(face.side, image.naturalHeight);
  });
  return button;
}

// Fit, or so many pixels of the screen for each of the result.
function zoom(result, compare) {
  const sizes = [["", word("zoomFit")], ["1", "100 %"], ["4", "400 %"], ["8", "800 %"]];
  const choice = make("select", {}, ...sizes.map(([value, text]) => make("option", { value, textContent: text })));
  choice.addEventListener("change", () => {
    compare.classList.toggle("large", choice.value !== "");
    compare.style.width = choice.value ? `${result.facts.width * choice.value / devicePixelRatio}px` : "";
  });
  return make("label", {}, `${word("zoom")} `, choice);
}

function gallery(results) {
  return make("div", { className: "gallery" }, ...results.map((result, number) => {
    const name = word("result", number + 1);
    const link = make("a", { href: result.url, download: result.name }, picture(result.shown, name));
    const pair = make(
      "div", { className: "pair" },
      captioned(picture(result.before, word("inputSmall")), word("inputSmall")),
      captioned(picture(result.again, word("again")), word("again")),
    );
    const facts = `${name}: ${word("status")[result.facts.status]}, ${word("error", result.facts.downscale_mse)}`;
    const caption = make("figcaption", {}, make("p", { className: "notice", textContent: said(result.notice) }), facts);
    return make("figure", {}, link, pair, caption);
  }));
}

function captioned(image, text) {
  return make("div", {}, image, make("small", { textContent: text }));
}
