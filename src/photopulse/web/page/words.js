// The words of the chosen language.
import en from "./strings/en.js";
import zh from "./strings/zh.js";

const languages = { en, zh };
let words = en;

export function choose(language) {
  words = languages[language] ?? en;
  document.documentElement.lang = language in languages ? language : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", words[element.dataset.label]);
}

export const word = (key, ...values) => (typeof words[key] === "function" ? words[key](...values) : words[key]);

// What the server says, in the chosen language where that is known.
export const said = (text) => words.server[text] ?? text;
