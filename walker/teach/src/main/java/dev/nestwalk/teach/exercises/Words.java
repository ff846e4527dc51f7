package dev.nestwalk.teach.exercises;

import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.Chance;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The words of memory that a sheet shows: those that a walk reads, among others. */
final class Words {
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  /** The entries that a walk reads, with a few neighbours in each table. */
  static SortedMap<Long, Long> around(Chance chance, Subject subject) {
    return around(chance, subject, Subject.reads(subject.trace()));
  }

  /** The entries of these steps, with a few neighbours in each table. */
  static SortedMap<Long, Long> around(Chance chance, Subject subject, List<Step> reads) {
    SortedMap<Long, Long> words = new TreeMap<>();
    for (Step step : reads) {
      words.put(step.host(), subject.word(step.host()));
    }
    for (Step step : reads) {
      long page = step.host() & -4096;
      long shown = words.subMap(page, page + 4096).size();
      for (int more = 0; more < 2 && shown < 4; more++, shown++) {
        long place = more == 0 ? neighbour(chance, step.host()) : page + 8L * chance.below(512);
        if (!words.containsKey(place)) {
          fill(chance, subject, place, step);
          words.put(place, subject.word(place));
        }
      }
    }
    return words;
  }

  /** The present words at these places. */
  static SortedMap<Long, Long> now(Subject subject, SortedMap<Long, Long> words) {
    SortedMap<Long, Long> now = new TreeMap<>();
    words.keySet().forEach(place -> now.put(place, subject.word(place)));
    return now;
  }

  private static long neighbour(Chance chance, long place) {
    long other = chance.percent(50) ? place + 8 : place - 8;
    return (other & -4096) == (place & -4096) ? other : place ^ 8;
  }

  /**
   * Fills an empty place with an entry like that of a step, in its byte order, that leads
   * elsewhere.
   */
  private static void fill(Chance chance, Subject subject, long place, Step step) {
    long stored = subject.word(step.host());
    long like = step.read().get(0);
    boolean bigEndian = stored != like && stored == Long.reverseBytes(like);
    if (subject.word(place) == 0 && like != 0) {
      long decoy = (bigEndian ? like : stored) & ~ADDRESS | Scenes.somewhere(chance, 44, 30);
      subject.put(place, bigEndian ? Long.reverseBytes(decoy) : decoy);
    }
  }

  /** A structure's words. */
  static SortedMap<Long, Long> of(Subject subject, long address, int count) {
    SortedMap<Long, Long> words = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      words.put(address + 8L * i, subject.word(address + 8L * i));
    }
    return words;
  }

  private Words() {}
}
