package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;

/** Numbered cases, each with what it shows; those for all policies run under each. */
final class Cases {
  /** A case, in a world of its own. */
  interface Body {
    void run(World world) throws RegionException;
  }

  private final List<DynamicTest> tests = new ArrayList<>();

  void add(String id, String sentence, Body body) {
    add(id, Policy.PARENT_OPT_IN, id + " " + sentence, body);
  }

  void add(String id, String sentence, Policy policy, Body body) {
    add(id, policy, "%s %s, under %s".formatted(id, sentence, policy), body);
  }

  void addForAll(String id, String sentence, Body body) {
    for (Policy policy : Policy.all()) {
      add(id, sentence, policy, body);
    }
  }

  private void add(String id, Policy policy, String name, Body body) {
    tests.add(DynamicTest.dynamicTest(name, () -> body.run(new World(policy))));
    ids.add(id);
  }

  final List<String> ids = new ArrayList<>();

  List<DynamicTest> tests() {
    return tests;
  }
}
