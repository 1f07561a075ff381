// The page: what is chosen becomes jobs.
import { addJob, drawJobs, findJobs } from "./jobs.js";
import { choose, word } from "./words.js";

const forms = Object.fromEntries(["restore", "upscale", "verify"].map((name) => [name, document.querySelector(`#${name}`)]));
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

// Fields without a value are left out: the server's defaults hold.
async function body(form, file) {
  const data = new FormData(form);
  data.set("file", file);
  for (const [name, value] of [...data]) if (value === "" || value.name === "") data.delete(name);
  if (form === forms.upscale) {
    const input = data.get("input") === "auto" ? await kindOf(file) : data.get("input");
    data.delete("input");
    if (input === "photo") data.set("align", "32");
    else data.delete("max_faces");
    if (input === "fit") data.set("fit", "true");
  }
  return data;
}

async function send(kind, form) {
  tell("");
  const troubles = [];
  for (const file of [...form.elements.file.files]) {
    try {
      await addJob(kind, file.name, await body(form, file));
    } catch (error) {
      troubles.push(`${file.name}: ${error.message}`);
      tell(troubles.join("\n"));
    }
  }
}

function give(form, files) {
  const pictures = [...files].filter((file) => file.type.startsWith("image/") || file.type === "");
  if (!pictures.length) return tell(files.length ? word("noPicture") : "");
  const all = new DataTransfer();
  for (const file of pictures) all.items.add(file);
  form.elements.file.files = all.files;
}

for (const form of Object.values(forms)) {
  const drop = form.querySelector(".drop");
  // A field that must be mended is shown.
  form.addEventListener("invalid", (event) => event.target.closest("details")?.setAttribute("open", ""), true);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(event.submitter.value, form); });
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
language.addEventListener("change", () => {
  localStorage.setItem("photopulse-language", language.value);
  choose(language.value);
  drawJobs();
});

language.value = localStorage.getItem("photopulse-language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
choose(language.value);
showForm();
findJobs();
