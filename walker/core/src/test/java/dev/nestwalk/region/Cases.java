package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;

/** Numbered cases; those for all policies run under each. */
final class Cases {
  /** A case, in a world of its own. */
  interface Body {
    void run(World world) throws RegionException;
  }

  private final List<DynamicTest> tests = new ArrayList<>();

  void add(String id, Body body) {
    add(id, Policy.PARENT_OPT_IN, id, body);
  }

  void add(String id, Policy policy, Body body) {
    add(id, policy, id + " " + policy, body);
  }

  void addForAll(String id, Body body) {
    for (Policy policy : Policy.all()) {
      add(id, policy, id + " " + policy, body);
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
