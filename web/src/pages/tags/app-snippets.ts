/** Plain HTTP calls of an app: its first open and what happens in it. No library is needed. Pure. */

export const LANGUAGES = ["curl", "swift", "kotlin", "unity", "flutter"] as const;
export type AppLanguage = (typeof LANGUAGES)[number];

export interface App {
  base: string;
  token: string;
  event: string;
  hasRevenue: boolean;
  currency: string;
}

export interface AppSnippets {
  /** A function that posts a form; the two calls use it. */
  helper: string;
  session: string;
  event: string;
}

export function appSnippets(language: AppLanguage, app: App): AppSnippets {
  const { base, token, event, hasRevenue, currency } = app;
  switch (language) {
    case "curl":
      return {
        helper: "",
        session: `curl -X POST '${base}/session' -d 'app_token=${token}' -d 'external_device_id=DEVICE-ID'`,
        event: `curl -X POST '${base}/event' -d 'app_token=${token}' -d 'event_token=${event}' -d 'external_device_id=DEVICE-ID'${
          hasRevenue ? ` -d 'revenue=5.4' -d 'currency=${currency}'` : ""
        }`,
      };
    case "swift":
      return {
        helper: [
          "import UIKit",
          "",
          "func report(_ path: String, _ more: [String: String] = [:]) {",
          `  var fields = ["app_token": "${token}", "os_name": "ios"]`,
          '  fields["idfv"] = UIDevice.current.identifierForVendor?.uuidString',
          "  fields.merge(more) { _, new in new }",
          "  var form = URLComponents()",
          "  form.queryItems = fields.map { URLQueryItem(name: $0.key, value: $0.value) }",
          `  var request = URLRequest(url: URL(string: "${base}" + path)!)`,
          '  request.httpMethod = "POST"',
          "  request.httpBody = form.percentEncodedQuery?",
          '    .replacingOccurrences(of: "+", with: "%2B").data(using: .utf8)',
          "  URLSession.shared.dataTask(with: request).resume()",
          "}",
        ].join("\n"),
        session: 'report("/session")',
        event: `report("/event", ["event_token": "${event}"${
          hasRevenue ? `, "revenue": "5.4", "currency": "${currency}"` : ""
        }])`,
      };
    case "kotlin":
      return {
        helper: [
          "import android.content.Context",
          "import android.provider.Settings",
          "import java.net.HttpURLConnection",
          "import java.net.URL",
          "import java.net.URLEncoder",
          "import kotlin.concurrent.thread",
          "",
          "fun report(context: Context, path: String, more: Map<String, String> = emptyMap()) = thread {",
          "  val device = Settings.Secure.getString(context.contentResolver, Settings.Secure.ANDROID_ID)",
          `  val fields = mapOf("app_token" to "${token}", "os_name" to "android", "android_id" to device) + more`,
          '  val form = fields.map { (k, v) -> k + "=" + URLEncoder.encode(v, "UTF-8") }.joinToString("&")',
          `  val call = URL("${base}" + path).openConnection() as HttpURLConnection`,
          '  call.requestMethod = "POST"',
          "  call.doOutput = true",
          "  runCatching {",
          "    call.outputStream.use { it.write(form.toByteArray()) }",
          "    call.responseCode",
          "  }",
          "  call.disconnect()",
          "}",
        ].join("\n"),
        session: 'report(context, "/session")',
        event: `report(context, "/event", mapOf("event_token" to "${event}"${
          hasRevenue ? `, "revenue" to "5.4", "currency" to "${currency}"` : ""
        }))`,
      };
    case "unity":
      return {
        helper: [
          "using System.Collections;",
          "using System.Collections.Generic;",
          "using UnityEngine;",
          "using UnityEngine.Networking;",
          "",
          "public class Measurement : MonoBehaviour {",
          "  public IEnumerator Report(string path, Dictionary<string, string> more = null) {",
          "    var form = new WWWForm();",
          `    form.AddField("app_token", "${token}");`,
          '    form.AddField("os_name", Application.platform == RuntimePlatform.Android ? "android" : "ios");',
          '    form.AddField("external_device_id", SystemInfo.deviceUniqueIdentifier);',
          "    if (more != null) foreach (var one in more) form.AddField(one.Key, one.Value);",
          `    using (var call = UnityWebRequest.Post("${base}" + path, form))`,
          "      yield return call.SendWebRequest();",
          "  }",
          "}",
        ].join("\n"),
        session: 'StartCoroutine(Report("/session"));',
        event: `StartCoroutine(Report("/event", new Dictionary<string, string> {\n  { "event_token", "${event}" },${
          hasRevenue ? `\n  { "revenue", "5.4" }, { "currency", "${currency}" },` : ""
        }\n}));`,
      };
    case "flutter":
      return {
        helper: [
          "import 'package:http/http.dart' as http;",
          "",
          "// deviceId: an id that stays, such as a UUID kept in secure storage at the first start.",
          "Future<void> report(String path, String deviceId, [Map<String, String> more = const {}]) =>",
          `    http.post(Uri.parse('${base}$path'), body: {`,
          `      'app_token': '${token}',`,
          "      'external_device_id': deviceId,",
          "      ...more,",
          "    });",
        ].join("\n"),
        session: "await report('/session', deviceId);",
        event: `await report('/event', deviceId, {'event_token': '${event}'${
          hasRevenue ? `, 'revenue': '5.4', 'currency': '${currency}'` : ""
        }});`,
      };
  }
}
