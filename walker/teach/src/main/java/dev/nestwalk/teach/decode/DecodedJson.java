package dev.nestwalk.teach.decode;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Findings as JSON. */
public final class DecodedJson {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  /**
   * An object with {@code findings} and {@code devices}.
   *
   * @param lines number of lines read
   * @param count number of findings, some of which may be left out
   */
  public static String of(
      List<Finding> findings, List<FaultLog.Device> devices, long lines, long count) {
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("version", 1);
    root.put("lines", lines);
    root.put("count", count);
    root.put("findings", findings.stream().map(DecodedJson::finding).toList());
    root.put("devices", devices.stream().map(DecodedJson::device).toList());
    return JSON.toJson(root) + "\n";
  }

  private static Map<String, Object> finding(Finding finding) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("family", finding.family());
    map.put("title", finding.title());
    if (finding.source() >= 0) {
      map.put("source_id", "0x%04x".formatted(finding.source()));
    }
    map.put("device", finding.device());
    if (finding.code() >= 0) {
      map.put("code", "0x%02x".formatted(finding.code()));
    }
    map.put("facts", finding.facts());
    map.put("fields", finding.fields());
    map.put("notes", finding.notes());
    map.put("causes", finding.causes());
    map.put("next", finding.next());
    return map;
  }

  private static Map<String, Object> device(FaultLog.Device device) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("family", device.family());
    map.put("device", device.name());
    map.put("first", device.first());
    map.put("last", device.last());
    map.put("count", device.count());
    map.put("reasons", device.reasons());
    return map;
  }

  private DecodedJson() {}
}
