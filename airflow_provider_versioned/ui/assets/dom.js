// Builds elements. Text is always set as text, never as HTML, so nothing that a user wrote can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "vars") {
      // The policy of the page forbids style attributes; properties set by script are allowed.
      for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an HTML element. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

let lastId = 0;

/** Return an id that no other element has. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Make a field with its label. */
export function field(label, input, hint) {
  const id = input.id || newId("field");
  input.id = id;
  const hintId = `${id}-hint`;
  if (hint) input.setAttribute("aria-describedby", hintId);
  return h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("p", { class: "hint", id: hintId }, hint));
}

/** Make a button. */
export function button(text, onClick, attributes) {
  return h("button", { type: "button", class: "button", ...attributes, on: { click: onClick } }, text);
}

/** Say something to people who listen to the page. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Put other children into an element; the focus stays on the element with the same data-key, if there is one. */
export function put(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Show an error where the result would be. */
export function problem(error) {
  return h("div", { class: "problem", role: "alert" }, h("strong", null, error.title ?? "That did not work."), " ", h("span", null, error.message));
}
