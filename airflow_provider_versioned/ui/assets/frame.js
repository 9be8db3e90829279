// What the page knows of Airflow around it: theme, address, and how to leave the frame.
//
// Airflow shows the page in a sandboxed frame of the same origin. A link cannot leave such a frame by itself, so it is
// handed to a link in Airflow's own document. Opened alone, the page works too.

const outer = (() => {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null; // framed by somebody else, which the policy of the page forbids
  }
})();

function prefersDark() {
  if (outer) {
    const { classList, style } = outer.document.documentElement;
    if (classList.contains("dark") || classList.contains("light")) return classList.contains("dark");
    if (style.colorScheme) return style.colorScheme === "dark";
  }
  const chosen = localStorage.getItem("theme"); // where Airflow's UI keeps the user's choice
  if (chosen === "dark" || chosen === "light") return chosen === "dark";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Follow Airflow's theme, now and when it changes. */
export function followTheme() {
  const apply = () => {
    document.documentElement.dataset.theme = prefersDark() ? "dark" : "light";
  };
  apply();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  window.addEventListener("storage", apply);
  if (outer) {
    const options = { attributes: true, attributeFilter: ["class", "style"] };
    new MutationObserver(apply).observe(outer.document.documentElement, options);
  }
}

/** Return what the address asks for; Airflow's own address counts where the frame's says nothing. */
export function place() {
  const own = new URLSearchParams(window.location.search);
  if (own.size === 0 && outer) return new URLSearchParams(outer.location.search);
  return own;
}

/** Put what is shown into the address, so that it can be bookmarked, shared and gone back to. */
export function setPlace(parameters, { replace = false } = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
  const address = `${window.location.pathname}${query ? `?${query}` : ""}`;
  if (replace) window.history.replaceState(null, "", address);
  else window.history.pushState(null, "", address);
  showOutside(query);
}

/** Let Airflow's address bar say what the frame shows. */
export function showOutside(query = window.location.search.slice(1)) {
  if (!outer || !outer.location.pathname.includes("/plugin/")) return;
  const address = `${outer.location.pathname}${query ? `?${query}` : ""}`;
  outer.history.replaceState(outer.history.state, "", address);
}

/** Return the address of something in Airflow's own UI. */
export function airflowUrl(path) {
  return new URL(`../${path}`, document.baseURI).href;
}

/** Follow a link out of the frame; for the click of that link. */
export function leave(event) {
  if (!outer) return;
  event.preventDefault();
  const link = outer.document.createElement("a");
  link.href = event.currentTarget.href;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) link.target = "_blank";
  link.rel = "noopener";
  outer.document.body.append(link);
  link.click();
  link.remove();
}
