// Questions to the server. Every answer is JSON; who is not logged in is sent to the login page.

export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal(0, "the server does not answer; nothing was lost, try again");
  }
  const said = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (answer.status === 401 && !location.pathname.startsWith("/login")) location.assign("/login");
  if (!answer.ok) throw new Refusal(answer.status, said.error ?? `the server answered ${answer.status}`);
  return said;
}

export const get = (address) => ask(address);

export const post = (address, body = {}) =>
  ask(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
