package dev.nestwalk.teach.decode;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds faults in a log, line by line, whatever stands before and between them, and keeps a summary
 * per device: first, last, how many, and why.
 *
 * <p>Threads: one.
 */
public final class FaultLog {
  /** Longer lines are cut: no line of a fault is. */
  private static final int LONGEST_LINE = 2048;

  /** Most devices that get a summary of their own; a log with more is not a real one. */
  private static final int MOST_DEVICES = 1 << 16;

  private static final Pattern STAMP =
      Pattern.compile(
          "^(?:<\\d+>)?\\[ *(\\d+\\.\\d+)\\]|^(\\d{4}-\\d\\d-\\d\\d[T ]\\S+)|^(\\w{3} +\\d+"
              + " [\\d:]{8})");

  /**
   * What one device did.
   *
   * @param first when, or the line's number
   * @param last when, or the line's number
   * @param reasons how often each
   */
  public record Device(
      String family,
      String name,
      String first,
      String last,
      long count,
      Map<String, Long> reasons) {
    /** Copies the map. */
    public Device {
      reasons = Map.copyOf(reasons);
    }
  }

  private static final class Sum {
    private final Finding finding;
    private final String first;
    private final Map<String, Long> reasons = new TreeMap<>();
    private String last;
    private long count;

    Sum(Finding finding, String when) {
      this.finding = finding;
      first = when;
      last = when;
    }
  }

  private final Consumer<Finding> listener;
  private final Map<String, Sum> sums = new LinkedHashMap<>();
  private final List<LineReader> readers =
      List.of(new VtdLines(), new QemuLines(), new SmmuLines(), new OtherLines());
  private long lines;
  private long findings;
  private String when = "";

  /** Tells a listener each finding as soon as its last line was seen. */
  public FaultLog(Consumer<Finding> listener) {
    this.listener = listener;
  }

  /** A kind of log line, with what it remembers of lines before. */
  interface LineReader {
    /**
     * Takes a line.
     *
     * @return what it completes, null if nothing
     */
    @Nullable Finding line(String line);

    /** What is complete now that no line follows. */
    @Nullable Finding end();
  }

  /** Takes a line; several that were joined by " / " or " + " count as one. */
  public void line(String text) {
    lines++;
    String line = text.length() > LONGEST_LINE ? text.substring(0, LONGEST_LINE) : text;
    Matcher stamp = STAMP.matcher(line);
    String before = when;
    when = stamp.find() ? stamp.group().replaceAll("[\\[\\] ]", "") : "line " + lines;
    for (LineReader reader : readers) {
      Finding found = reader.line(line);
      if (found != null) {
        add(found, when);
        return;
      }
    }
    if (when.isEmpty()) {
      when = before;
    }
  }

  /** Ends the log. */
  public void end() {
    for (LineReader reader : readers) {
      Finding found = reader.end();
      if (found != null) {
        add(found, when);
      }
    }
  }

  private void add(Finding finding, String time) {
    findings++;
    String key = finding.family() + " " + finding.device();
    if (sums.size() < MOST_DEVICES || sums.containsKey(key)) {
      Sum sum = sums.computeIfAbsent(key, ignored -> new Sum(finding, time));
      sum.count++;
      sum.last = time;
      sum.reasons.merge(finding.title(), 1L, Long::sum);
    }
    listener.accept(finding);
  }

  /** Lines so far. */
  public long lines() {
    return lines;
  }

  /** Findings so far. */
  public long findings() {
    return findings;
  }

  /** One entry per device, in the order in which they first appear. */
  public List<Device> devices() {
    List<Device> all = new ArrayList<>();
    for (Sum sum : sums.values()) {
      all.add(
          new Device(
              sum.finding.family(),
              sum.finding.device(),
              sum.first,
              sum.last,
              sum.count,
              sum.reasons));
    }
    return all;
  }
}
