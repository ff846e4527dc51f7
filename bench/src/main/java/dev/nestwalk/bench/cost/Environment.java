package dev.nestwalk.bench.cost;

import dev.nestwalk.bench.Machine;
import java.util.Map;
import java.util.TreeMap;

/** Where a result was made. */
public final class Environment {
  private static final Map<String, String> MANIFEST = Map.copyOf(find());

  /** JDK, processor, system, version and commit of this process. */
  public static Map<String, String> manifest() {
    return MANIFEST;
  }

  private static Map<String, String> find() {
    Machine here = Machine.here();
    Map<String, String> found = new TreeMap<>();
    found.put("jdk", here.jdk());
    found.put("system", here.os());
    found.put("processor", here.processor());
    found.put("processors", Integer.toString(here.processors()));
    found.put("version", here.version());
    found.put("commit", here.commit());
    return found;
  }

  private Environment() {}
}
