// The page: what is chosen becomes jobs.
import { addJob } from "./jobs.js";
import { choose, word } from "./words.js";

const forms = { restore: document.querySelector("#restore"), upscale: document.querySelector("#upscale") };
const trouble = document.querySelector("#trouble");
const language = document.querySelector("#language");

const shown = () => document.querySelector("[name=what]:checked").value;

function showForm() {
  for (const [name, form] of Object.entries(forms)) form.hidden = name !== shown();
}

function tell(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

// Small squares are faces already; all else is taken for a photo.
async function kindOf(file) {
  const picture = await createImageBitmap(file).catch(() => null);
  const sizes = [4, 8, 16, 32, 64, 128, 256];
  return picture && picture.width === picture.height && sizes.includes(picture.width) ? "face" : "photo";
}

async function body(kind, form, file) {
  const data = new FormData(form);
  data.set("file", file);
  for (const [name, value] of [...data]) if (value === "") data.delete(name);
  if (kind === "upscale") {
    const input = data.get("input") === "auto" ? await kindOf(file) : data.get("input");
    data.delete("input");
    if (input === "photo") data.set("align", "32");
    if (input === "fit") data.set("fit", "true");
  }
  return data;
}

async function send(kind, form) {
  tell("");
  for (const file of form.elements.file.files) {
    try {
      await addJob(kind, file.name, await body(kind, form, file));
    } catch (error) {
      tell(`${file.name}: ${error.message}`);
    }
  }
}

function give(form, files) {
  const pictures = [...files].filter((file) => file.type.startsWith("image/") || file.type === "");
  if (!pictures.length) return;
  const all = new DataTransfer();
  for (const file of pictures) all.items.add(file);
  form.elements.file.files = all.files;
}

for (const [kind, form] of Object.entries(forms)) {
  const drop = form.querySelector(".drop");
  form.addEventListener("submit", (event) => { event.preventDefault(); send(kind, form); });
  form.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  form.addEventListener("dragleave", () => drop.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    give(form, event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => give(forms[shown()], event.clipboardData.files));
for (const radio of document.querySelectorAll("[name=what]")) radio.addEventListener("change", showForm);
language.addEventListener("change", () => choose(language.value));

language.value = navigator.language.startsWith("zh") ? "zh" : "en";
choose(language.value);
showForm();
