// Servers for the browser tests: the real binary (`YAMABIKO_BIN`, else the debug build) over directories of their
// own, and what stands around it: receivers of partners and a mail server.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const target = process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, "../../target");
const binary = process.env.YAMABIKO_BIN ?? join(target, "debug/yamabiko");
export const PASSWORD = "a quiet echo from the mountain";
export const PHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
};

/**
 * Starts a server over `data` (else a new directory, which `stop` removes) and waits until it is ready.
 * `link` is the one-time link of the set-up, on first starts.
 */
export async function serve({ data, port, environment = {} } = {}) {
  assert.ok(existsSync(binary), `build the server first: there is no ${binary}`);
  const dir = data ?? mkdtempSync(join(tmpdir(), "yamabiko-e2e-"));
  const listen = `127.0.0.1:${port ?? (await freePort())}`;
  // The server refuses settings that it does not know, which YAMABIKO_BIN would be.
  const env = { PATH: process.env.PATH, YAMABIKO_DATA_DIR: dir, YAMABIKO_STORE_BALLAST_MB: "0", ...environment };
  const child = spawn(binary, ["serve", "--listen", listen], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const link = new Promise((resolve) => {
    const read = (chunk) => {
      output += chunk;
      const found = /http:\/\/\S+\/setup#\S+/.exec(output);
      if (found) resolve(found[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
  const url = `http://${listen}`;
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      (r) => r.ok,
      () => false,
    );
  for (const end = Date.now() + 30_000; !(await isReady()); await pause(50)) {
    assert.equal(child.exitCode, null, `the server ended:\n${output}`);
    assert.ok(Date.now() < end, `not ready:\n${output}`);
  }
  return {
    url,
    link,
    command: (...args) =>
      execFileSync(binary, args, {
        env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        timeout: 30_000,
      }).trim(),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      if (!data) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A small demo, which has a month behind it: records of before today cannot be made from outside. */
export async function demo() {
  const dir = mkdtempSync(join(tmpdir(), "yamabiko-e2e-"));
  const listen = `127.0.0.1:${await freePort()}`;
  const size = ["--history-days", "40", "--visits-per-day", "60", "--clicks-per-second", "0"];
  const env = {
    PATH: process.env.PATH,
    YAMABIKO_STORE_BALLAST_MB: "0",
    YAMABIKO_DELIVERY_ALLOW_NETWORKS: "127.0.0.0/8",
  };
  const child = spawn(binary, ["demo", "--listen", listen, "--data-dir", join(dir, "data"), ...size], { env });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.resume();
  const server = {
    url: `http://${listen}`,
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
      rmSync(dir, { recursive: true, force: true });
    },
  };
  for (const end = Date.now() + 60_000; !/password (\S+)/.test(output); await pause(50)) {
    assert.ok(child.exitCode === null && Date.now() < end, `no demo:\n${output}`);
  }
  const [, password] = /password (\S+)/.exec(output);
  return { ...server, owner: await signIn(server, "demo", password) };
}

/** Calls of the API with a token of the widest scope. */
export function admin(server) {
  const token = server.command("token", "create", "--name", "e2e", "--scope", "admin");
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
}

const post = (server, path, body, headers = {}) =>
  fetch(`${server.url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
    body: JSON.stringify(body),
  });

/** The cookie of a login, as a browser context takes it. */
async function cookieOf(server, answer) {
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
  const [name, value] = answer.headers.get("set-cookie").split(";")[0].split("=");
  return { name, value, url: server.url };
}

/** Takes over a fresh instance; gives the owner's cookie. */
export async function claim(server) {
  const token = (await server.link).split("#")[1];
  const account = { login: "owner@example.com", name: "山田 花子", password: PASSWORD };
  return cookieOf(server, await post(server, "/setup/claim", account, { "x-setup-token": token }));
}

/** Ends the set-up without the wizard. */
export async function finishSetUp(server, api, more = {}) {
  const settings = await api("GET", "/settings");
  await api("PUT", "/settings", { ...settings, public_url: server.url, is_set_up: true, ...more });
}

export const signIn = async (server, login, password = PASSWORD) =>
  cookieOf(server, await post(server, "/login", { login, password }));

export async function eventually(what, find) {
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(50)) {
    const found = await find();
    if (found) return found;
  }
  throw new Error(`not within 15 s: ${what}`);
}

/** A partner's server: answers every request with one status and text, and remembers what was asked. */
export async function receiver(status = 200, text = "OK") {
  const targets = [];
  const server = createHttpServer((request, response) => {
    targets.push(request.url);
    response.writeHead(status, { "content-type": "text/plain" }).end(text);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    targets,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A mail server that knows nobody, or one that takes everything and keeps it in `mails`. */
export async function mailServer({ takes = false } = {}) {
  const mails = [];
  const server = createServer((socket) => {
    let mail = null;
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.write("220 mail.example\r\n");
    socket.on("data", (lines) => {
      if (mail !== null) {
        mail += lines;
        if (!mail.endsWith("\r\n.\r\n")) return;
        mails.push(mail);
        mail = null;
        socket.write("250 kept\r\n");
      } else if (/^EHLO/im.test(lines)) socket.write("250-mail.example\r\n250 OK\r\n");
      else if (/^MAIL/im.test(lines)) socket.write("250 OK\r\n");
      else if (/^RCPT/im.test(lines) && !takes)
        socket.write("550 5.1.1 no such mailbox <img src=x onerror=hacked=1>\r\n");
      else if (/^DATA/im.test(lines)) {
        mail = "";
        socket.write("354 go on\r\n");
      } else if (/^QUIT/im.test(lines)) socket.end("221 bye\r\n");
      else socket.write("250 OK\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, mails, close: () => server.close() };
}
