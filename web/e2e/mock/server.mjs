// A stand-in for the server: the built UI under the real content security policy, and the admin API from `data.mjs`.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import * as data from "./data.mjs";

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

const page = (items, query) => {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return {
    items: items.slice(from, from + limit),
    next_cursor: from + limit < items.length ? String(from + limit) : null,
  };
};

/** Settings of one run: `isEmpty` shows a fresh install, `isSignedOut` the sign-in, `isSetUp` false the wizard. */
export function start({ dist, port = 0, isEmpty = false, isSignedOut = false, isSetUp = true, role = "owner" }) {
  const settings = {
    public_url: "https://t.example.com",
    tracking_domains: [],
    time_zone: "Asia/Tokyo",
    language: "ja",
    currency: "JPY",
    alerts: {
      webhook_url: { is_set: true },
      email: {
        host: "smtp.example.jp",
        port: 587,
        security: "starttls",
        user: "alerts@example.jp",
        password: { is_set: true },
        from: "alerts@example.jp",
        to: ["owner@example.jp"],
      },
      line: { token: { is_set: false }, to: "" },
      language: "",
    },
    is_set_up: isSetUp,
    updated_at_ms: 5,
  };
  const store = isEmpty
    ? { offers: [], partners: [], links: [], rules: [] }
    : { offers: [...data.offers], partners: [...data.partners], links: [...data.links], rules: [...data.rules] };
  const streams = new Set();
  const arrivals = [];
  const proofs = [
    {
      id: "p1",
      subject: "0f8kq1w2e3r4t5y6",
      created_by: "user <b>hanako</b>",
      created_at_ms: Date.now() - 3_600_000,
      expires_at_ms: Date.now() + 500_000_000,
      url: null,
    },
  ];
  let isOut = isSignedOut;
  const me = () => ({
    actor: "user owner",
    role,
    user: "u1",
    login: "owner@example.com",
    name: "山田 花子",
    partners: [],
    language: null,
    has_totp: false,
    is_set_up: settings.is_set_up,
    time_zone: settings.time_zone,
    version: "0.1.0",
  });
  const none = isEmpty ? [] : null;

  function answer(method, path, query, body) {
    const [, kind, id] = path.split("/");
    if (path === "/setup/status")
      return isOut
        ? { is_open: true, origin: "http://127.0.0.1", language: "ja", version: "0.1.0" }
        : [410, "already_set_up", "this instance has an owner"];
    if (path === "/login" || path === "/setup/claim") {
      if (body?.password === "wrong password") return [401, "wrong_credentials", "the name or the password is wrong"];
      if (path === "/setup/claim" && (body?.password ?? "").length < 12)
        return [400, "too_short", "use at least 12 characters", "password"];
      isOut = false;
      return me();
    }
    if (isOut) return [401, "unauthenticated", "sign in first"];
    if (path === "/me") return me();
    if (path === "/me/logins")
      return {
        items: [
          {
            id: "l1",
            created_at_ms: 1,
            seen_at_ms: Date.now(),
            from: "203.0.113.7",
            user_agent: "Chrome",
            is_this: true,
          },
        ],
      };
    if (path === "/me/totp/offer")
      return { secret: "JBSWY3DPEHPK3PXP", url: "otpauth://totp/Yamabiko:owner?secret=JBSWY3DPEHPK3PXP" };
    if (path === "/address-check")
      return { url: body.url, result: body.url.includes("click") ? "not_resolved" : "ok", message: "in English" };
    if (path === "/proofs" && method === "POST") {
      const made = {
        id: "p2",
        subject: body.id,
        created_by: "user owner",
        created_at_ms: Date.now(),
        expires_at_ms: Date.now() + body.hours * 3_600_000,
        url: null,
      };
      proofs.unshift(made);
      return { ...made, url: "https://t.example.com/proof/abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE" };
    }
    if (kind === "proofs" && method === "DELETE") {
      proofs.splice(
        proofs.findIndex((p) => p.id === id),
        1,
      );
      return {};
    }
    if (path === "/proofs") return { items: proofs };
    if (path === "/alerts/test")
      return { at_ms: Date.now(), is_ok: false, code: "refused", message: "550 5.1.1 no such mailbox <img src=x onerror=hacked=1>" };
    if (path === "/alerts")
      return {
        open: isEmpty
          ? []
          : [
              {
                kind: "partner_failing",
                subject: "https://tracker.adnet.example:443",
                headline: "アドネット（https://tracker.adnet.example:443） へポストバックが届いていません",
                since_ms: Date.now() - 900_000,
              },
            ],
        channels: [
          { channel: "email", is_set_up: true, last: null },
          { channel: "webhook", is_set_up: true, last: { at_ms: Date.now() - 60_000, is_ok: true, code: "sent", message: "status 200 ok" } },
          { channel: "line", is_set_up: false, last: null },
        ],
      };
    if (path === "/settings")
      return method === "PUT" ? Object.assign(settings, body, { updated_at_ms: settings.updated_at_ms + 1 }) : settings;
    if (path === "/rules/check") {
      const at = body.text.indexOf("{idfx}");
      const finding = (severity, code, start, end, message, message_ja, replacement) => ({
        severity,
        code,
        field: "text",
        start,
        end,
        start_utf16: start,
        end_utf16: end,
        message,
        remedy: "Choose a name of the catalogue.",
        message_ja,
        remedy_ja: "一覧の変数を使ってください。",
        replacement,
      });
      return {
        is_savable: at < 0,
        findings: [
          ...(at < 0
            ? []
            : [
                finding(
                  "error",
                  "unknown_placeholder",
                  at,
                  at + 6,
                  "There is no placeholder {idfx}.",
                  "{idfx} という変数はありません。",
                  "{idfa}",
                ),
              ]),
          ...(body.text.startsWith("http:")
            ? [
                finding(
                  "warning",
                  "plain_http",
                  0,
                  5,
                  "Plain http can be read on the way.",
                  "httpは途中で読まれる可能性があります。",
                  null,
                ),
              ]
            : []),
        ],
      };
    }
    if (path === "/rules/preview") {
      const url = body.rule.text.split(",").at(-1);
      const condition = body.rule.text.includes(",")
        ? { holds: true, left: "{country}", actual: "jp", operator: "equal", expected: ["jp"] }
        : null;
      return {
        entries: [
          {
            start: 0,
            end: 9,
            condition,
            holds: true,
            request: {
              method: body.rule.method,
              url: url.replace(/##PARA1##|\{para1\}/g, "clk-1001").replace(/##AMOUNT##|\{amount\}/g, "5400"),
              headers: [],
              body: null,
            },
            message: null,
          },
        ],
        findings: [],
      };
    }
    if (path === "/test/click") {
      const s = { ...data.sessions[0], id: "test000000000001", link: body.link, is_test: true, at_ms: Date.now() };
      push("session", s);
      return s;
    }
    if (path === "/test/conversion") {
      const a = {
        ...data.activities[1],
        id: "act0000000000001",
        session: body.sid,
        is_test: true,
        at_ms: Date.now(),
        verdict: "accepted",
        reason: null,
        status: "approved",
      };
      push("activity", a);
      push("postback", {
        ...data.postbackDetails[0].postback,
        id: "pb00000000000001",
        activity: a.id,
        state: "delivered",
        created_at_ms: Date.now(),
      });
      arrivals.push({
        number: arrivals.length + 1,
        at_ms: Date.now(),
        method: "GET",
        target: `/test?sid=${body.sid}&id=test-click-id&amount=1000`,
        headers: [],
        body: "",
      });
      return { result: "accepted", activity_id: a.id };
    }
    if (path === "/test/echo")
      return {
        address: "http://127.0.0.1:9999",
        items: arrivals.filter((x) => x.number > Number(query.get("after") ?? 0)),
      };
    if (path === "/test/rule")
      return {
        activity: data.activities[0],
        sent: [
          { entry: 0, request: data.postbackDetails[0].postback.request, attempt: data.postbackDetails[0].attempts[0] },
        ],
        conditions: [],
      };
    if (path === "/placeholders") return { items: data.placeholders };
    if (path === "/presets") {
      const q = (query.get("q") ?? "").toLowerCase();
      return {
        items: data.presets.filter((p) => `${p.name.en} ${p.name.ja}`.toLowerCase().includes(q)),
        next_cursor: null,
      };
    }
    if (path.endsWith("/bearer_tokens") && method === "POST") {
      const offer = store.offers.find((o) => o.id === id);
      const token = { name: body.name, scopes: body.scopes, enabled: true };
      offer.trust = { ...offer.trust, bearer_tokens: [...offer.trust.bearer_tokens, token] };
      offer.updated_at_ms += 1;
      return { name: body.name, secret: "ybs_only-this-once", offer };
    }
    if (path.includes("/bearer_tokens/") && method === "DELETE") {
      const offer = store.offers.find((o) => o.id === id);
      offer.trust = { ...offer.trust, bearer_tokens: [] };
      offer.updated_at_ms += 1;
      return null;
    }
    if (kind in store) {
      const list = store[kind];
      const key = kind === "links" ? "token" : "id";
      if (method === "POST") {
        if (!body.name && kind !== "links" && kind !== "rules") return [400, "empty", "enter a name", "name"];
        const made = {
          ...(kind === "links" ? { ...data.links[0], token: `new${list.length}0001` } : {}),
          ...body,
          ...(kind === "links" ? {} : { id: `new${list.length}` }),
          created_at_ms: Date.now(),
          updated_at_ms: Date.now(),
        };
        list.push(made);
        return made;
      }
      const at = list.findIndex((x) => x[key] === id);
      if (method === "PUT")
        return at < 0 ? [404, "not_found", "gone"] : (list[at] = { ...list[at], ...body, updated_at_ms: Date.now() });
      if (method === "DELETE") return list.splice(at, 1) && null;
      return id ? (list[at] ?? [404, "not_found", "gone"]) : page(list, query);
    }
    if (path === "/sessions")
      return page(none ?? data.sessions.filter((s) => !query.get("link") || s.link === query.get("link")), query);
    if (path === "/activities/status")
      return { changed: body.ids.length, items: body.ids.map((x) => ({ id: x, result: "changed", update: x })) };
    if (path === "/activities")
      return page(
        none ??
          data.activities.filter(
            (a) =>
              (query.get("verdict") === "not_accepted"
                ? a.verdict !== "accepted"
                : query.get("verdict")
                  ? a.verdict === query.get("verdict")
                  : true) &&
              (!query.get("status") || a.status === query.get("status")),
          ),
        query,
      );
    if (path === "/postbacks/queue")
      return {
        lanes: isEmpty
          ? []
          : [
              {
                lane: "https://hana.example:443",
                state: "open",
                waiting: 12,
                ready: 12,
                in_flight: 0,
                concurrency: 4,
                failures_in_row: 9,
                next_probe_at_ms: Date.now() + 8000,
                paused_until_ms: null,
              },
            ],
        waiting: isEmpty ? 0 : 12,
        on_wire: 1,
        workers: 16,
        is_scanning: false,
        oldest_due_age_ms: 0,
      };
    if (path === "/postbacks/resend")
      return { id: "job1", kind: "resend", state: "running", total: 3, done: 0, results: {}, message: null };
    if (path === "/postbacks/cancel")
      return { id: "job2", kind: "cancel", state: "running", total: null, done: 0, results: {}, message: null };
    if (path === "/jobs/job2")
      return { id: "job2", kind: "cancel", state: "done", total: 2, done: 2, results: { cancelled: 2 }, message: null };
    if (path === "/jobs/job1")
      return { id: "job1", kind: "resend", state: "done", total: 3, done: 3, results: { queued: 3 }, message: null };
    if (kind === "postbacks" && id)
      return data.postbackDetails.find((d) => d.postback.id === id) ?? [404, "not_found", "gone"];
    if (path === "/postbacks")
      return page(
        none ??
          data.postbackDetails
            .map((d) => d.postback)
            .filter((p) => !query.get("state") || p.state === query.get("state")),
        query,
      );
    if (path === "/trace") {
      const q = query.get("q");
      const activity = data.activities.find((a) => a.id === q || a.session === q || a.uids.includes(q));
      const session = data.sessions.find((s) => s.id === (activity?.session ?? q)) ?? null;
      if (!session && !activity)
        return {
          found_by: null,
          session: null,
          session_rules: [],
          session_postbacks: [],
          activities: [],
          steps: [{ code: "not_found", is_ok: false, message: "Nothing is known under this." }],
          stopped_at: "not_found",
          is_partial: false,
        };
      const activities = activity
        ? [{ activity, postbacks: data.postbackDetails.filter((d) => d.postback.activity === activity.id) }]
        : [];
      const step = (code, is_ok, message) => ({ code, is_ok, message });
      const steps = [
        step("click", true, "The click was recorded."),
        ...(activity
          ? [
              step("conversion", true, "A conversion was accepted."),
              step("rules", true, "2 rule entries were asked."),
              step("delivered", true, "https://hana.example:443 has received its postback."),
            ]
          : [
              step(
                "no_conversion",
                false,
                "No conversion has arrived for this click. Check that the landing page keeps the sid.",
              ),
            ]),
      ];
      return {
        found_by: "session",
        session,
        session_rules: [],
        session_postbacks: [],
        activities,
        steps,
        stopped_at: activity ? null : "no_conversion",
        is_partial: false,
      };
    }
    if (path === "/stats")
      return data.stats(isEmpty ? new URLSearchParams({ group_by: "day", from_ms: "0", to_ms: "0" }) : query);
    if (path === "/payouts")
      return {
        rows: isEmpty
          ? []
          : data.partners.map((p, i) => ({
              month: "2026-11",
              partner: p.id,
              name: p.name,
              conversions: 40 - i * 9,
              approved: 20,
              pending: 3,
              payout: [{ amount: String(60000 - i * 9000), currency: "JPY" }],
            })),
        time_zone: "Asia/Tokyo",
      };
    if (path === "/audit")
      return page(
        [
          {
            at_ms: Date.now(),
            actor: "user owner",
            from: "203.0.113.7",
            action: "offer.update",
            subject: "美容液 お試しセット",
            detail: '{"name":["a","b"]}',
          },
          {
            at_ms: Date.now() - 5000,
            actor: "nobody",
            from: "203.0.113.7",
            action: "login.fail",
            subject: "(unknown name)",
            detail: "",
          },
        ],
        query,
      );
    if (path === "/users")
      return page(
        [
          {
            id: "u1",
            login: "owner@example.com",
            name: "山田 花子",
            role: "owner",
            partners: [],
            language: null,
            is_disabled: false,
            has_totp: false,
            created_at_ms: 1,
            updated_at_ms: 1,
          },
          {
            id: "u2",
            login: "media@example.com",
            name: "媒体ご担当",
            role: "viewer",
            partners: ["hanamed1"],
            language: null,
            is_disabled: false,
            has_totp: true,
            created_at_ms: 1,
            updated_at_ms: 1,
          },
        ],
        query,
      );
    if (path === "/tokens")
      return method === "POST"
        ? { token: {}, secret: "ybk_0123456789abcdef0123456789abcdef" }
        : page(
            isEmpty
              ? []
              : [
                  {
                    id: "t1",
                    name: "BI",
                    scope: "read",
                    created_by: "user owner",
                    created_at_ms: 1,
                    expires_at_ms: null,
                  },
                ],
            query,
          );
    if (path === "/system") {
      const check = (name, message) => ({ name, is_ok: true, message });
      return {
        version: "0.1.0",
        health: isEmpty ? "ok" : "degraded",
        checks: [
          check("store", "ready"),
          check("intake", "0 of 4096 places taken"),
          check("oldest_due_age_seconds", "0 s"),
        ],
        store: {
          state: "ready",
          failure: null,
          rebuilding: [],
          databases: 4,
          durable_seq: 99,
          applied_seq: 99,
          journal_bytes: 64e6,
          repairs: [],
        },
        queue: { waiting: isEmpty ? 0 : 12, in_flight: 1, oldest_due_age_s: 0, open_lanes: isEmpty ? 0 : 1 },
        spool: { waiting: 0, lost: 0 },
        disk_free_bytes: 53e9,
        started_at_ms: Date.now() - 7e7,
        now_ms: Date.now(),
        data_dir: "/var/lib/yamabiko",
        source_address: "198.51.100.20",
        has_geoip: true,
        retention_days: [90, 730, 30],
        broken_rules: 0,
        last_session_at_ms: isEmpty ? null : Date.now() - 12_000,
        client: {
          ip: "203.0.113.7",
          because: "X-Forwarded-For from the trusted proxy 127.0.0.1",
          origin: "https://t.example.com",
        },
      };
    }
    if (path === "/config/import")
      return {
        changes: [{ kind: "offer", id: "x", name: "New offer", change: "create", difference: "" }],
        unchanged: 3,
        is_applied: body.dry_run === false,
      };
    if (path === "/conversions/upload")
      return {
        lines: 2,
        created: 1,
        updated: 0,
        unchanged: 0,
        errors: [{ line: 3, field: "amount", message: "must be a plain number such as 1000" }],
        is_applied: false,
      };
    return [404, "no_route", `the mock does not know ${path}`];
  }
  const push = (type, record) => {
    for (const s of streams) s.write(`id: ${Date.now()}\nevent: ${type}\ndata: ${JSON.stringify(record)}\n\n`);
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body = text && request.headers["content-type"]?.startsWith("application/json") ? JSON.parse(text) : null;
    if (url.pathname === "/api/v1/stream") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(": hello\n\n");
      streams.add(response);
      request.on("close", () => streams.delete(response));
      return;
    }
    if (url.pathname.startsWith("/api/v1/")) {
      const result = answer(request.method, url.pathname.slice(7), url.searchParams, body);
      const isError = Array.isArray(result);
      response.writeHead(isError ? result[0] : 200, {
        "content-type": "application/json",
        "cache-control": "no-store",
      });
      response.end(
        JSON.stringify(isError ? { error: { code: result[1], message: result[2], field: result[3] ?? null } } : result),
      );
      return;
    }
    const wanted = normalize(url.pathname).replace(/^(\.\.[/\\])+/, "");
    const file = extname(wanted) ? wanted : "/index.html";
    try {
      const content = await readFile(join(dist, file));
      response.writeHead(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        "content-security-policy": CSP,
      });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () => {
      const interval = setInterval(
        () => push("session", { ...data.sessions[Math.floor(Math.random() * 40)], at_ms: Date.now() }),
        1500,
      );
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        push,
        close: () => {
          clearInterval(interval);
          for (const s of streams) s.destroy();
          server.close();
        },
      });
    });
  });
}
