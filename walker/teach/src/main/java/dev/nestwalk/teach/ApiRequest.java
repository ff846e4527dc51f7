package dev.nestwalk.teach;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.nestwalk.dma.Access;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A request of the page to its server: an object of flat values, each checked before it is used.
 */
record ApiRequest(JsonObject json) {
  /** Refuses a request, with a status and a message of one line. */
  static final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    final int status;

    Refusal(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  /** Parses a body. */
  static ApiRequest parse(String text) throws Refusal {
    try {
      JsonElement json = JsonParser.parseString(text);
      if (json.isJsonObject()) {
        return new ApiRequest(json.getAsJsonObject());
      }
    } catch (JsonParseException | StackOverflowError e) {
      throw new Refusal(400, "expected a JSON object");
    }
    throw new Refusal(400, "expected a JSON object");
  }

  /** A text, empty if it is absent. */
  String text(String key) throws Refusal {
    JsonElement element = json.get(key);
    if (element == null) {
      return "";
    }
    if (!element.isJsonPrimitive()) {
      throw new Refusal(400, "'%s': expected text".formatted(key));
    }
    return element.getAsString();
  }

  /** A hexadecimal number. */
  long number(String key) throws Refusal {
    Long value = Numbers.hexOrNull(text(key));
    if (value == null) {
      throw new Refusal(400, "'%s': expected a hexadecimal number as text".formatted(key));
    }
    return value;
  }

  /** Values by name, as in {@code CR0:0x1,IDR0:0x2}. */
  Map<String, Long> values(String key) throws Refusal {
    Map<String, Long> values = new LinkedHashMap<>();
    for (String one : text(key).split(",", -1)) {
      int colon = one.indexOf(':');
      Long value = colon < 0 ? null : Numbers.hexOrNull(one.substring(colon + 1));
      if (value == null) {
        throw new Refusal(
            400, "'%s': expected NAME:VALUE,… with hexadecimal values".formatted(key));
      }
      values.put(one.substring(0, colon), value);
    }
    return values;
  }

  /** A hexadecimal number from 0 to {@code most}. */
  int number(String key, int most) throws Refusal {
    long value = number(key);
    if (value < 0 || value > most) {
      throw new Refusal(400, "'%s': expected 0 to 0x%x".formatted(key, most));
    }
    return (int) value;
  }

  boolean flag(String key) throws Refusal {
    return text(key).equals("true");
  }

  int source(boolean vtd) throws Refusal {
    long source = number("source");
    long most = vtd ? 0xffff : 0xffff_ffffL;
    if (source < 0 || source > most) {
      throw new Refusal(400, "'source': expected 0 to 0x%x".formatted(most));
    }
    return (int) source;
  }

  int pasid() throws Refusal {
    if (json.has("pasid") && json.get("pasid").isJsonNull()) {
      throw new Refusal(400, "'pasid': expected text");
    }
    return text("pasid").isEmpty() ? -1 : number("pasid", 0xf_ffff);
  }

  Explanation.Request dma(boolean vtd) throws Refusal {
    return new Explanation.Request(source(vtd), pasid(), number("iova"), access());
  }

  /** The {@link Access} bits: the letters of {@link Access#describe} in {@code access}. */
  private int access() throws Refusal {
    String letters = text("access");
    if (letters.isEmpty()) {
      return flag("write") ? Access.WRITE : Access.READ;
    }
    int access = 0;
    for (int bit = 1; bit <= Access.ALL; bit <<= 1) {
      access |= letters.contains(Access.describe(bit)) ? bit : 0;
    }
    if (letters.length() != Integer.bitCount(access) || !Access.isValid(access)) {
      throw new Refusal(
          400, "'access': expected letters of a request, such as r, w, rw, rxp or rq");
    }
    return access;
  }
}
