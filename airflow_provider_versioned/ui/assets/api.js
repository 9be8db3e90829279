// Talks to the API beside this page. Every refusal becomes an error with a sentence that can be shown as it is.

const TITLES = {
  anonymous: "Sign in first.",
  conflict: "Somebody was faster.",
  forbidden: "Not allowed.",
  in_use: "It is in use.",
  input: "This cannot be.",
  not_found: "Not found.",
  storage_denied: "AWS denies access.",
  storage_missing: "The bucket or table is missing.",
  storage_unavailable: "AWS does not answer as it should.",
};

export class ApiError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
    this.title = TITLES[kind];
  }
}

async function ask(path, parameters, options) {
  const url = new URL(`api/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("network", "Airflow's API server could not be reached; check the network, then try again.");
  }
  const told = await response.json().catch(() => null);
  if (response.ok && told !== null) return told;
  const { kind, message } = told?.error ?? {};
  throw new ApiError(kind ?? "other", message ?? `Airflow's API server answered with status ${response.status}.`);
}

/** Read. */
export function get(path, parameters, signal) {
  return ask(path, parameters, { signal });
}

/** Act. The header tells the server that this page asks, and no other site. */
export function post(path, body) {
  return ask(path, null, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Versioned-Artifacts": "page" },
    body: JSON.stringify(body),
  });
}

/** Return the API below one repository. */
export function repository(connection) {
  const base = `repositories/${encodeURIComponent(connection)}`;
  return {
    get: (path, parameters, signal) => get(`${base}/${path}`, parameters, signal),
    post: (path, body) => post(`${base}/${path}`, body),
  };
}
