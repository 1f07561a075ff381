// Elements, by their names, properties and children.
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export function labeled(element, label) {
  element.setAttribute("aria-label", label);
  return element;
}

export const button = (text, onClick, className = "") => {
  const element = make("button", { type: "button", className, textContent: text });
  element.addEventListener("click", onClick);
  return element;
};

export const picture = (src, alt) => make("img", { src, alt });
