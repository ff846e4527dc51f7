package dev.nestwalk.teach.decode;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds faults in a log, line by line, whatever is before and between them, and keeps a summary per
 * device: first, last, count, and reasons.
 *
 * <p>Threads: one.
 */
public final class FaultLog {
  /** Longer lines are cut; no line of a fault is this long. */
  private static final int LONGEST_LINE = 2048;

  /** Largest number of devices with a summary of their own; no real log has more. */
  private static final int MOST_DEVICES = 1 << 16;

  private static final Pattern STAMP =
      Pattern.compile(
          "^(?:<\\d+>)?\\[ *(\\d+\\.\\d+)\\]|^(\\d{4}-\\d\\d-\\d\\d[T ]\\S+)|^(\\w{3} +\\d+"
              + " [\\d:]{8})");

  /**
   * The faults of one device.
   *
   * @param first time of the first fault, or its line number
   * @param last time of the last fault, or its line number
   * @param reasons number of faults by reason
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
  private final List<LineReader> readers;
  private final List<Runnable> complete = new ArrayList<>();
  private long lines;
  private long unread;
  private String firstUnread = "";
  private long findings;
  private String when = "";

  /** Reports each finding to a listener as soon as no later line can say more about it. */
  public FaultLog(Consumer<Finding> listener) {
    this(listener, List.of(new VtdLines(), new QemuLines(), new SmmuLines(), new OtherLines()));
  }

  FaultLog(Consumer<Finding> listener, List<LineReader> readers) {
    this.listener = listener;
    this.readers = readers;
  }

  /** Recognises one kind of log line; it may remember earlier lines. */
  interface LineReader {
    /**
     * Reads a line. Tells a finding that is complete because of it, and one of an earlier line
     * about which it says no more.
     *
     * @param when time of the line, or its number
     * @return whether the line is explained, so that no other reader is asked
     */
    boolean line(String line, String when, Found found);

    /** Tells the finding that is complete at the end of the log, if there is one. */
    default void end(String when, Found found) {}
  }

  /** Takes findings. */
  interface Found {
    /** Takes a finding, with the time or number of its line. */
    void add(Finding finding, String when);

    /** Takes a finding; returns whether there is one. */
    default boolean addAny(@Nullable Finding finding, String when) {
      if (finding != null) {
        add(finding, when);
      }
      return finding != null;
    }
  }

  /** Reads a line; lines that were joined by " / " or " + " count as one. */
  public void line(String text) {
    lines++;
    String line = text.length() > LONGEST_LINE ? text.substring(0, LONGEST_LINE) : text;
    Matcher stamp = STAMP.matcher(line);
    String before = when;
    when = stamp.find() ? stamp.group().replaceAll("[\\[\\] ]", "") : "line " + lines;
    for (LineReader reader : readers) {
      if (guarded(() -> reader.line(line, when, this::complete))) {
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
      guarded(
          () -> {
            reader.end(when, this::complete);
            return false;
          });
    }
  }

  private void complete(Finding finding, String time) {
    complete.add(() -> add(finding, time));
  }

  /**
   * Lets a reader take a line, then tells what it found. A log may be long, and its other faults
   * matter: a line that a reader fails on is counted and left out. Exceptions of the listener pass.
   */
  private boolean guarded(BooleanSupplier reading) {
    boolean explained = false;
    try {
      explained = reading.getAsBoolean();
    } catch (RuntimeException e) {
      firstUnread = unread++ == 0 ? "line %d (%s)".formatted(lines, e) : firstUnread;
    }
    List<Runnable> found = List.copyOf(complete);
    complete.clear();
    found.forEach(Runnable::run);
    return explained;
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

  /** Number of lines so far. */
  public long lines() {
    return lines;
  }

  /** Number of lines that a defect of a reader left out; 0 unless there is one. */
  public long unread() {
    return unread;
  }

  /** The first line that was left out, with the reason; empty if there is none. */
  public String firstUnread() {
    return firstUnread;
  }

  /** Number of findings so far. */
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
