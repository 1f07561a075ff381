// A photo with a button on each of its faces, to choose those that are restored.
import { button, labeled, make, picture } from "./make.js";
import { said, word } from "./words.js";

export function faceMap(result, onStart) {
  if (!result.faces.length) return make("p", { textContent: word("noFace") });
  const image = picture(result.before, word("before"));
  const buttons = result.faces.map((face, number) => faceButton(face, number));
  image.addEventListener("load", () => buttons.forEach((one, number) => place(one, result.faces[number], image)));
  const chosen = () => buttons.flatMap((one, number) => (one.ariaPressed === "true" ? [number + 1] : []));
  return make(
    "div", {},
    make("p", { textContent: word("facesMeans") }),
    make("div", { className: "faces" }, image, ...buttons),
    button(word("facesStart"), () => onStart(chosen()), "quiet"),
  );
}

function faceButton(face, number) {
  const one = button("", () => one.setAttribute("aria-pressed", one.ariaPressed !== "true"));
  const why = face.why_not ? said(face.why_not) : "";
  one.append(make("span", { textContent: number + 1 }));
  one.title = why;
  one.setAttribute("aria-pressed", face.restored);
  return labeled(one, [word("face", number + 1), why].filter(Boolean).join(": "));
}

function place(one, face, image) {
  const share = (length, whole) => `${(100 * length) / whole}%`;
  one.style.left = share(face.x - face.side / 2, image.naturalWidth);
  one.style.top = share(face.y - face.side / 2, image.naturalHeight);
  one.style.width = share(face.side, image.naturalWidth);
  one.style.height = share(face.side, image.naturalHeight);
}
