package dev.nestwalk.teach;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The registers of an image, and their values in an exploration, which may differ.
 *
 * <p>Threads: belongs to the exploration's.
 */
final class UnitRegisters {
  private final Image original;
  private Image image;

  UnitRegisters(Image image) {
    this.original = image;
    this.image = image;
  }

  /** The image with its original registers. */
  Image original() {
    return original;
  }

  /** The image with the present registers. */
  Image image() {
    return image;
  }

  boolean isChanged() {
    return image != original;
  }

  void reset() {
    image = original;
  }

  /** All registers with their fields. */
  JsonArray listed() {
    JsonArray all = new JsonArray();
    for (Map.Entry<String, Long> register : image.registers().entrySet()) {
      long value = register.getValue();
      JsonObject one = new JsonObject();
      one.addProperty("name", register.getKey());
      one.addProperty("value", Numbers.hex(value));
      JsonArray fields = new JsonArray();
      for (Field field : RegisterFields.of(register.getKey())) {
        long bits = field.get(value);
        JsonObject part = new JsonObject();
        part.addProperty("label", field.label());
        part.addProperty("value", Numbers.hex(bits));
        part.addProperty("meaning", field.meaningOf(bits));
        fields.add(part);
      }
      one.add("fields", fields);
      all.add(one);
    }
    return all;
  }

  /**
   * Changes registers, all of them at once: a unit may have values together that it cannot have one
   * after the other.
   *
   * @throws ApiRequest.Refusal if there is no such register, or no unit can have these values
   *     together; nothing is changed then
   */
  void set(Map<String, Long> values, GuestMemory memory) throws ApiRequest.Refusal {
    if (!original.registers().keySet().containsAll(values.keySet())) {
      throw new ApiRequest.Refusal(
          400, "'name': expected one of " + String.join(", ", original.registers().keySet()));
    }
    Map<String, Long> changed = new LinkedHashMap<>(image.registers());
    changed.putAll(values);
    Image next = changed.equals(original.registers()) ? original : original.withRegisters(changed);
    try {
      Walker.iommu(next, memory);
      Walker.explaining(next, memory);
    } catch (InputException e) {
      String why = String.valueOf(e.getMessage()).replace(original.registersFile() + ": ", "");
      String given =
          values.entrySet().stream()
              .map(value -> "%s 0x%x".formatted(value.getKey(), value.getValue()))
              .collect(Collectors.joining(", "));
      throw new ApiRequest.Refusal(400, given + ": " + why);
    }
    image = next;
  }

  /** The registers that differ from those of the image. */
  JsonArray changes() {
    JsonArray all = new JsonArray();
    for (Map.Entry<String, Long> register : image.registers().entrySet()) {
      long before = original.registers().getOrDefault(register.getKey(), 0L);
      if (register.getValue() != before) {
        JsonObject one = new JsonObject();
        one.addProperty("name", register.getKey());
        one.addProperty("before", Numbers.hex(before));
        one.addProperty("after", Numbers.hex(register.getValue()));
        all.add(one);
      }
    }
    return all;
  }
}
