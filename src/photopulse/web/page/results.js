// Results to look at: before and after with a slider, or a gallery of imaginary faces.
import { labeled, make, picture } from "./make.js";
import { said, word } from "./words.js";

export function slider(result) {
  const [before, after] = [picture(result.before, word("before")), picture(result.shown, word("after"))];
  before.slot = "first";
  after.slot = "second";
  const compare = labeled(make("img-comparison-slider", { title: word("slider") }, before, after), word("slider"));
  compare.setAttribute("keyboard", "enabled");
  const drawn = [make("p", { className: "notice", textContent: said(result.notice) }), make("div", { className: "pane" }, compare)];
  if (result.mask) {
    const mask = make("a", { href: result.mask, download: "mask.png" }, picture(result.mask, word("maskShown")));
    drawn.push(make("details", {}, make("summary", { textContent: word("maskShown") }), make("div", { className: "faces" }, mask)));
  }
  return { slider: compare, drawn };
}

// Fit, or so many pixels of the screen for each of the result.
export function zoom(result, compare) {
  const sizes = [["", word("zoomFit")], ["1", "100 %"], ["4", "400 %"], ["8", "800 %"]];
  const choice = make("select", {}, ...sizes.map(([value, text]) => make("option", { value, textContent: text })));
  choice.addEventListener("change", () => {
    compare.classList.toggle("large", choice.value !== "");
    compare.style.width = choice.value ? `${(result.facts.width * choice.value) / devicePixelRatio}px` : "";
  });
  return make("label", {}, `${word("zoom")} `, choice);
}

export function gallery(results) {
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
