package dev.nestwalk.teach.exercises;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * A thousand sheets, each answer found a second time: on paper from what the sheet shows, by
 * arithmetic that shares nothing with the generator, and with the hot walker where a machine can be
 * asked. The generator asks the reference walker.
 */
class SheetsTest {
  private static final int SEEDS = 1000;
  private static final int COUNT = 10;
  private static final Set<Format> BOTH = EnumSet.allOf(Format.class);
  private static final Pattern BIT = Pattern.compile("bit (\\d+) of the word at 0x([0-9a-f]+)");
  private static final Pattern FIELD = Pattern.compile("(.*), [^,\\[]+\\[(?:\\d+:)?(\\d+)\\]");

  private static Sheet sheet(long seed, int count, Arena arena) {
    try {
      return Sheet.of(seed, count, List.of(Kind.values()), BOTH, arena);
    } catch (Sheet.TooFewException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aThousandSheetsAreAnsweredTheSameOnPaper() {
    Map<Kind, Set<Format>> seen = new EnumMap<>(Kind.class);
    Map<Kind, String> wrong = new EnumMap<>(Kind.class);
    for (long seed = 0; seed < SEEDS; seed++) {
      try (Arena arena = Arena.ofConfined()) {
        Sheet sheet = sheet(seed, COUNT, arena);
        assertEquals(COUNT, sheet.exercises().size());
        Set<String> asked = new HashSet<>();
        for (Exercise exercise : sheet.exercises()) {
          try {
            assertAnswered(exercise, arena);
          } catch (AssertionError | RuntimeException e) {
            wrong.putIfAbsent(exercise.kind(), "seed " + seed + ": " + e + " in " + exercise);
          }
          assertTrue(asked.add(exercise.asked()), "twice in seed " + seed + ": " + exercise);
          seen.computeIfAbsent(exercise.kind(), kind -> EnumSet.noneOf(Format.class))
              .add(exercise.format());
        }
      }
    }
    assertEquals("", String.join("\n", wrong.values()));
    assertTrue(Kind.values().length >= 36, Kind.values().length + " kinds");
    for (Kind kind : Kind.values()) {
      assertEquals(kind.formats(), seen.getOrDefault(kind, Set.of()), "formats seen of " + kind);
    }
  }

  private static void assertAnswered(Exercise exercise, Arena arena) {
    assertFalse(exercise.steps().isEmpty(), "no steps");
    Object paper = solve(exercise, arena);
    switch (exercise.answer()) {
      case Answer.Value value -> assertEquals(paper, value.value());
      case Answer.Choice choice -> {
        assertEquals(paper, choice.options().get(choice.right()));
        assertTrue(choice.options().size() >= 2);
        assertEquals(choice.options().size(), Set.copyOf(choice.options()).size());
      }
      case Answer.Several several -> {
        Set<String> right = new TreeSet<>();
        several.right().forEach(index -> right.add(several.options().get(index)));
        assertEquals(paper, right);
        assertEquals(several.options().size(), Set.copyOf(several.options()).size());
      }
    }
  }

  private static Object solve(Exercise exercise, Arena arena) {
    Object paper =
        switch (exercise.kind().topic()) {
          case ADDRESSES, LOOKUP -> PaperAddresses.solve(exercise);
          case WALKS, COSTS, FLAGS, ATS -> PaperWalks.solve(exercise);
          case FAULTS ->
              switch (exercise.kind()) {
                case RECORD_WORD, READ_RECORD, IS_RECORDED, REFUSED_REQUEST ->
                    PaperRecords.solve(exercise);
                default -> PaperWalks.solve(exercise);
              };
          case REPAIRS ->
              switch (exercise.kind()) {
                case REPAIR_WORD -> PaperWalks.solve(exercise);
                default -> repaired(exercise, arena);
              };
          case INVALIDATIONS -> PaperInvalidations.solve(exercise);
          case REGIONS -> PaperRegions.solve(exercise);
        };
    askHotWalker(exercise, arena);
    return paper;
  }

  private static Subject machine(Exercise exercise, Arena arena) {
    Subject subject = exercise.subject();
    if (subject == null) {
      throw new AssertionError("no machine: " + exercise);
    }
    return subject.copy(arena);
  }

  private static long walk(Subject machine) {
    Subject.Request request = machine.request();
    return machine
        .iommu()
        .newUncachedTranslator()
        .translate(request.source(), request.pasid(), request.address(), request.access());
  }

  /** Where the answer is one of the walker's, the other walker has to give it too. */
  private static void askHotWalker(Exercise exercise, Arena arena) {
    String answer = exercise.answer().shown();
    switch (exercise.kind()) {
      case OUTPUT_ADDRESS, NESTED_OUTPUT, LEAF_OUTPUT, WIDE_OUTPUT, BIG_ENDIAN_OUTPUT -> {
        long translation = walk(machine(exercise, arena));
        assertFalse(Translation.isFault(translation), Translation.describe(translation));
        assertEquals(answer, Text.hex(Translation.address(translation)));
      }
      case PAGE_SIZE, NESTED_SPAN ->
          assertEquals(answer, Text.size(Translation.span(walk(machine(exercise, arena)))));
      case ATS_REPLY -> {
        long translation = walk(machine(exercise, arena));
        String rights =
            switch (AtsReply.rights(translation)) {
              case 3 -> ": read and write";
              case 2 -> ": write only";
              case 1 -> ": read only";
              default -> " without rights";
            };
        boolean succeeds = AtsReply.status(translation) == Completion.SUCCESS;
        assertEquals(succeeds ? "success" + rights : "Unsupported Request", answer);
      }
      case ATS_ADDRESS -> {
        long translation = walk(machine(exercise, arena));
        long block = AtsReply.address(translation);
        long stated = ((Answer.Value) exercise.answer()).value();
        assertEquals(0, stated - block & 0xfff);
        // The size that a device reads back.
        int size = 12;
        while (size < AtsReply.sizeLog2(translation) && (stated >>> size & 1) == 1) {
          size++;
        }
        boolean small = AtsReply.sizeLog2(translation) == AtsReply.SMALLEST;
        assertEquals(AtsReply.sizeLog2(translation), small ? size : size + 1);
      }
      case WHICH_FAULT, FAULT_PRIORITY -> {
        long translation = walk(machine(exercise, arena));
        assertTrue(Translation.isFault(translation), Translation.describe(translation));
        assertTrue(answer.contains("(0x%02x)".formatted(Translation.code(translation))), answer);
      }
      case REPAIR_WORD -> {
        Subject machine = machine(exercise, arena);
        long before = Translation.address(walk(machine));
        assertNotEquals(before, exercise.fact("wanted output"));
        machine.put(
            PaperWalk.of(exercise, 0).last().host(), ((Answer.Value) exercise.answer()).value());
        assertEquals(exercise.fact("wanted output"), Translation.address(walk(machine)));
      }
      case WORDS_CHANGED -> {
        Subject machine = machine(exercise, arena);
        walk(machine);
        long changed =
            exercise.memory().entrySet().stream()
                .filter(word -> machine.word(word.getKey()) != word.getValue())
                .count();
        assertEquals(((Answer.Value) exercise.answer()).value(), changed);
      }
      default -> {
        // Others ask nothing that a translation answers.
      }
    }
  }

  /** The options that, applied, make the hot walker translate: there must be one. */
  private static String repaired(Exercise exercise, Arena arena) {
    Subject machine = machine(exercise, arena);
    assertTrue(Translation.isFault(walk(machine)), "not broken");
    List<String> repairs = new ArrayList<>();
    for (String option : ((Answer.Choice) exercise.answer()).options()) {
      Subject changed = machine.copy(arena);
      flip(exercise, changed, option);
      long translation = walk(changed);
      boolean served = !Translation.isFault(translation);
      if (served && Translation.address(translation) == exercise.fact("wanted output")) {
        repairs.add(option);
      }
    }
    assertEquals(1, repairs.size(), repairs + " repair it");
    return repairs.get(0);
  }

  private static void flip(Exercise exercise, Subject machine, String option) {
    Matcher bit = BIT.matcher(option);
    if (bit.matches()) {
      long place = Long.parseLong(bit.group(2), 16);
      assertTrue(exercise.memory().containsKey(place), option + " is not shown");
      machine.put(place, machine.word(place) ^ 1L << Integer.parseInt(bit.group(1)));
      return;
    }
    Matcher field = FIELD.matcher(option);
    assertTrue(field.matches(), option);
    int low = Integer.parseInt(field.group(2));
    long place = exercise.fact(field.group(1)) + low / 64 * 8L;
    assertTrue(exercise.memory().containsKey(place), option + " is not shown");
    machine.put(place, machine.word(place) ^ 1L << low % 64);
  }

  @Test
  void whatIsShownIsWhatMemoryHolds() {
    try (Arena arena = Arena.ofConfined()) {
      for (Exercise exercise : sheet(5, 3 * Kind.values().length, arena).exercises()) {
        Subject subject = exercise.subject();
        if (subject != null) {
          exercise.memory().forEach((place, word) -> assertEquals(word, subject.word(place)));
        }
      }
    }
  }

  @Test
  void theSameSeedGivesTheSameBytes() throws Exception {
    List<String> sheets = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      try (Arena arena = Arena.ofConfined()) {
        Sheet sheet = sheet(11, Kind.values().length, arena);
        sheets.add(
            HtmlSheet.of(sheet, "")
                + MarkdownSheet.questions(sheet, "")
                + MarkdownSheet.solutions(sheet, ""));
      }
    }
    assertEquals(sheets.get(0), sheets.get(1));
    try (Arena arena = Arena.ofConfined()) {
      String other = MarkdownSheet.questions(sheet(12, Kind.values().length, arena), "");
      assertFalse(sheets.get(0).contains(other));
    }
  }

  @Test
  void aKindThatRunsOutSaysSo() {
    try (Arena arena = Arena.ofConfined()) {
      Sheet.TooFewException e =
          assertThrows(
              Sheet.TooFewException.class,
              () -> Sheet.of(1, 400, List.of(Kind.NESTED_SPAN), BOTH, arena));
      assertTrue(String.valueOf(e.getMessage()).startsWith("kind nested-span has not"));
    }
  }

  @Test
  void questionsDoNotTellTheAnswers() {
    try (Arena arena = Arena.ofConfined()) {
      for (Exercise exercise : sheet(3, Kind.values().length, arena).exercises()) {
        if (exercise.answer() instanceof Answer.Value value
            && value.style() == Answer.Style.HEX
            && Long.compareUnsigned(value.value(), 1 << 20) > 0) {
          Sheet one = new Sheet(3, List.of(exercise));
          String text = MarkdownSheet.questions(one, "");
          boolean told = text.contains(value.shown() + " ") || text.contains(value.shown() + "\n");
          assertFalse(told, value.shown() + " in " + text);
        }
      }
    }
  }
}
