// What is asked of the server, and its errors in sentences.
const api = "api/v1";
const busy = [429, 503];
const patience = 3000; // Milliseconds until a server without room is asked again.

export const sentences = ({ what, why, fix }) => `${what}: ${why}. ${fix[0].toUpperCase()}${fix.slice(1)}.`;

export const address = (id, what = "") => `${api}/jobs/${id}${what}`;

export const archive = (ids) => `${api}/results.zip?${new URLSearchParams(ids.map((id) => ["job", id]))}`;

// Sends a form; while the server has no room, it waits, and gives up when `isOver` says so.
export async function post(kind, body, onWait, isOver) {
  for (;;) {
    const response = await fetch(`${api}/${kind}`, { method: "POST", body });
    if (!busy.includes(response.status)) return answer(response);
    if (isOver()) return null;
    onWait();
    await new Promise((resolve) => setTimeout(resolve, patience));
    if (isOver()) return null;
  }
}

export async function find(id) {
  return answer(await fetch(address(id)));
}

export const remove = (id) => fetch(address(id), { method: "DELETE" });

// What was sent with a job, to be sent again.
export async function sent(id, what) {
  const response = await fetch(address(id, `/${what}`));
  if (response.ok) return response.blob();
  return answer(response);
}

async function answer(response) {
  const told = await response.json().catch(() => null);
  if (response.ok) return told;
  throw new Error(told?.error ? sentences(told.error) : `${response.status} ${response.statusText}`);
}
