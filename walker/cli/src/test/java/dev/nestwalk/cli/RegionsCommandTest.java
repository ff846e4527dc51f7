package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code nestwalk regions} as a user meets it. */
class RegionsCommandTest {
  private static final Path FIXTURES = Scenarios.fixtures();

  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of("regions", arguments);
  }

  private static String file(String name) {
    return FIXTURES.resolve(name).toString();
  }

  private static List<String> lines(Result result) {
    assertEquals("", result.err());
    assertEquals(0, result.status());
    return result.out().lines().toList();
  }

  @Test
  void showNamesTheSourceOfEachRegionAndMerges() {
    Result result = run("show", file("samples/dmar-client.bin"), file("samples/rr-amd-server.txt"));
    assertTrue(result.out().contains("RMRR for 0000:00:14.0"), result.out());
    assertTrue(
        result.out().endsWith("0x000000fd00000000-0x000000ffffffffff reserved\n"), result.out());
    assertEquals(
        1,
        result
            .out()
            .substring(result.out().indexOf("merged"))
            .lines()
            .filter(line -> line.contains("msi"))
            .count());
    Result iort = run("show", file("samples/iort-simple.bin"));
    assertTrue(iort.out().contains("RMR for StreamIDs"), iort.out());
    assertTrue(run("show", file("samples/dmar-server.bin")).err().contains("not made of whole"));
  }

  @Test
  void identityPrintsRangesForTheRegionsGiven() {
    assertEquals(
        List.of("0x0-0xba13afff", "0xba13c000-0xfedfffff", "0xfef00000-0xfcffffffff"),
        lines(
            run(
                "identity",
                file("samples/rr-amd-server.txt"),
                "--window",
                "0-ffffffffff",
                "--align",
                "4K")));
    assertEquals(List.of("0x0-0xffffffffffffffff"), lines(run("identity")));
  }

  @ParameterizedTest
  @CsvSource({
    "vtd-direct, PARENT_OPT_IN, msi",
    "vtd-direct, LINUX_7_2, msi",
    "vtd-nested, POSTED_V2, msi",
    "vtd-nested, DIRECT_RID_ONLY, no region",
    "vtd-nested, PARENT_OPT_IN, no region",
    "vtd-nested, POSTED_V3, no region",
    "vtd-nested, LINUX_7_2, msi",
    "vtd-opt-in, PARENT_OPT_IN, msi",
    "vtd-opt-in, DIRECT_RID_ONLY, no region",
    "vtd-pasid, LINUX_7_2, no region",
    "smmuv3-direct, DIRECT_RID_ONLY, sw-msi",
    "smmuv3-nested, POSTED_V3, sw-msi",
    "smmuv3-nested, PARENT_OPT_IN, no region",
    "smmuv3-nested, LINUX_7_2, sw-msi",
  })
  void compareShowsWhatEachPolicyEnforces(String setup, String policy, String expected) {
    List<String> lines = lines(run("compare", file("regions/" + setup + ".json")));
    String line = lines.get(lines.indexOf(policy) + 1);
    assertTrue(line.startsWith("  enforced in vm: " + expected), line);
  }

  @Test
  void compareTellsWhatAPolicyRefuses() {
    List<String> back = lines(run("compare", file("regions/vtd-back.json")));
    assertTrue(
        back.get(back.indexOf("DIRECT_RID_ONLY") + 1).contains("replace nic: EADDRINUSE"),
        back.toString());
    assertTrue(
        back.get(back.indexOf("LINUX_7_2") + 1).contains("attach nic: EADDRINUSE"),
        back.toString());
  }

  @Test
  void compareWithoutASetupPrintsTheDecisionTable() throws IOException {
    List<String> printed = new ArrayList<>();
    for (String line : lines(run("compare"))) {
      printed.add(line.replaceAll(" +", " "));
    }
    List<String> expected = new ArrayList<>();
    for (String line : Files.readAllLines(FIXTURES.resolve("regions/decision-table.txt"))) {
      if (!line.startsWith("#")) {
        expected.add(line.replaceAll(" +", " ").strip());
      }
    }
    assertEquals(expected, printed.subList(1, printed.size()));
  }

  @Test
  void effectiveKeepsEnforcedBindingAndReportedApart() {
    String text = run("effective", file("regions/smmuv3-nested.json")).out();
    assertTrue(text.contains("has to be identity"), text);
    assertTrue(text.contains("the host's doorbells live there"), text);
    assertTrue(text.contains("reported"), text);
    assertTrue(text.contains("enforced  0x0001000000000000-0xffffffffffffffff"), text);
    String bypass = run("effective", file("regions/smmuv3-bypass.json")).out();
    assertTrue(bypass.contains("conflict  nic: SW_MSI 0x8000000-0x80fffff"), bypass);
    var json =
        JsonParser.parseString(
                run("effective", file("regions/vtd-nested.json"), "--format", "json").out())
            .getAsJsonObject();
    assertEquals(2, json.getAsJsonObject("reported").getAsJsonArray("nic").size());
    assertEquals("PARENT_OPT_IN", json.get("policy").getAsString());
  }

  @Test
  void explainNamesRuleRegionAndPolicies() {
    String nested = file("regions/vtd-nested.json");
    String space = run("explain", nested, "--space", "space:vm", "--address", "0xfee00000").out();
    assertTrue(space.startsWith("free under PARENT_OPT_IN\n"), space);
    assertTrue(space.contains("enters under POSTED_V2, LINUX_7_2"), space);
    String bus = run("explain", nested, "--space", "bus:nic", "--address", "0xfee00010").out();
    assertTrue(bus.contains("N, nested on S, first stage translate"), bus);
    assertTrue(bus.contains("no DMA there"), bus);
    String input =
        run("explain", nested, "--space", "input:S", "--address", "0x1000000000000").out();
    assertTrue(input.startsWith("reserved: beyond the aperture"), input);
  }

  @Test
  void replayOfEveryCaptureAgreesWithLinux() throws IOException {
    List<String> arguments = new ArrayList<>(List.of("replay"));
    try (Stream<Path> files = Files.walk(FIXTURES.resolve("captures"))) {
      files
          .filter(path -> path.toString().endsWith(".reserved_regions.txt"))
          .sorted()
          .forEach(path -> arguments.add(path.toString()));
    }
    assertEquals(15, arguments.size());
    List<String> lines = lines(run(arguments.toArray(String[]::new)));
    String last = lines.get(lines.size() - 1);
    assertTrue(last.matches("[0-9]{3} passed, 0 failed"), last);
  }

  private static final String[] STEPS = {
    "linux72-msi", "linux72-relaxable", "linux72-direct", "linux72-smmuv3"
  };

  @Test
  void replayTakesTheStepsThatLinuxWasAskedToTake() {
    List<String> arguments = new ArrayList<>(List.of("replay"));
    for (String name : STEPS) {
      arguments.add(file("regions/" + name + ".steps"));
    }
    List<String> lines = lines(run(arguments.toArray(String[]::new)));
    assertEquals("1459 passed, 0 failed", lines.get(lines.size() - 1));
  }

  @Test
  void replayOfStepsNoticesEveryAnswerThatIsNotLinuxs() throws IOException {
    String good = Files.readString(FIXTURES.resolve("regions/linux72-msi.steps"));
    for (String change :
        List.of(
            "map A 0xfee00000 0x100000 -> EINVAL|map A 0xfee00000 0x100000 -> ok",
            "attach N pasid 0x51 -> ok|attach N pasid 0x51 -> EINVAL",
            "attach O -> EADDRINUSE|attach O -> ok",
            "0x0-0xfedfffff 0xfef00000-0xffffffffffff|0x0-0xffffffffffff",
            "destroy S -> EBUSY|destroy S -> ok",
            "region 0xfee00000 0xfeefffff msi|region 0xfee00000 0xfeefffff direct-relaxable")) {
      String[] words = change.split("\\|", 2);
      assertTrue(good.contains(words[0]), change);
      Path bad = Files.writeString(folder.resolve("bad.steps"), good.replace(words[0], words[1]));
      Result result = run("replay", bad.toString());
      assertEquals(1, result.status(), change);
    }
    Path alone = Files.writeString(folder.resolve("alone.steps"), good);
    Result known = run("replay", alone.toString());
    assertTrue(known.out().contains("406 passed, 7 failed"), known.out());
    assertTrue(known.out().contains("the tracker says EINVAL"), known.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ioas A -> ok",
        "bind vtd -> ok\nioas A -> ok\ntable S paging in A -> ok",
        "bind amd -> ok",
        "bind vtd -> ok\nioas A -> ok\nmap A 0x12345678901234567 0x1000 -> ok",
        "bind vtd -> ok\nmap A 0x0 0x1000",
        "bind vtd -> ok\nregion 0x5 0x4 msi",
        "bind vtd -> ok\nregion 0x5 0x6 moon",
        "bind vtd -> ok\nfly A -> ok",
      })
  void stepsThatMakeNoSenseGetOneLine(String steps) throws IOException {
    Path bad = Files.writeString(folder.resolve("bad.steps"), steps + "\n");
    Result result = run("replay", bad.toString());
    assertEquals(2, result.status(), result.out());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains("line "), result.err());
    assertTrue(result.err().contains("bad.steps"), result.err());
  }

  @Test
  void aDeviationHasToBeAboutItsLine() throws IOException {
    String good = Files.readString(FIXTURES.resolve("regions/linux72-direct.steps"));
    Path steps = Files.writeString(folder.resolve("one.steps"), good);
    Files.writeString(folder.resolve("one.deviations"), "line|l|t|why\n4|something else|ok|why\n");
    Result result = run("replay", steps.toString());
    assertEquals(2, result.status());
    assertTrue(result.err().contains("line 4: the deviation of this line"), result.err());
  }

  @Test
  void aPlaceThatIsTakenIsRefusedInLinuxsWords() throws IOException {
    String record =
        Files.readString(FIXTURES.resolve("captures/vtd/linux72-legacy-48.reserved_regions.txt"));
    String again = "map again iova 0x10000000 size 0x1000 flags rw -> ";
    Path steps = folder.resolve("twice.txt");
    Files.writeString(steps, record + again + "File exists\n");
    assertEquals(0, run("replay", steps.toString()).status());
    Files.writeString(steps, record + again + "Invalid argument\n");
    assertEquals(1, run("replay", steps.toString()).status());
    String neither = "map none iova 0x4f000000 size 0x1000 flags x -> Invalid argument\n";
    Files.writeString(steps, record + neither);
    assertEquals(0, run("replay", steps.toString()).status(), "neither read nor write");
  }

  @Test
  void replayNoticesAnAnswerThatIsNotLinuxs() throws IOException {
    Path good = FIXTURES.resolve("captures/vtd/linux72-legacy-48.reserved_regions.txt");
    Path bad = folder.resolve("bad.txt");
    Files.writeString(
        bad,
        Files.readString(good)
            .replace(
                "msi-below    iova 0xfedff000 size 0x1000", "msi-below iova 0xfedff000 size 0x2000")
            .replace("allowed_iova 0x00000000fef00000", "allowed_iova 0x00000000fee80000"));
    Result result = run("replay", bad.toString());
    assertEquals(1, result.status());
    assertTrue(result.out().contains("3 failed"), result.out());
  }

  /** Usable ranges without a device's name are those of the group that was given to vfio-pci. */
  @ParameterizedTest
  @CsvSource({"vfio-pci, e1000e, 0", "e1000e, vfio-pci, 1"})
  void replayTakesTheGroupThatWasGivenAway(String first, String second, int status)
      throws IOException {
    Path file = folder.resolve("groups.txt");
    String group = "group %d type DMA\n  device 0000:00:0%d.0 8086:10d3 driver %s\n  reserved %s\n";
    Files.writeString(
        file,
        group.formatted(1, 1, first, "0x00000000fee00000 0x00000000feefffff msi")
            + group.formatted(2, 2, second, "0x00000000fe000000 0x00000000feffffff reserved")
            + "type1 usable 0x0 0xfedfffff\ntype1 usable 0xfef00000 0xffffffffff\n");
    Result result = run("replay", file.toString());
    assertEquals(status, result.status(), result.out() + result.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"0x100000", "0x7fffffff", "0xffffffff", "0x100000001", "0x8000000000000001"})
  void aPasidThatNoRequestCanHaveIsRefused(String pasid) throws IOException {
    String setup = Files.readString(FIXTURES.resolve("regions/vtd-pasid.json"));
    Path file = folder.resolve("setup.json");
    Files.writeString(file, setup.replaceAll("\"pasid\": *[^,}]+", "\"pasid\": \"" + pasid + "\""));
    Result result = run("effective", file.toString());
    assertEquals(0, result.status(), result.err());
    assertTrue(result.out().contains("expected 0 to 0xfffff"), result.out());
  }

  @ParameterizedTest
  @CsvSource({
    "'', 0x0-0xfedfffff 0xfef00000-0xffffffffffffffff",
    "--relaxable, 0x0-0xfff 0x2000-0xfedfffff 0xfef00000-0xffffffffffffffff",
    "--align 16M, 0x0-0xfdffffff 0xff000000-0xffffffffffffffff",
    "--relaxable --align 16M, 0x1000000-0xfdffffff 0xff000000-0xffffffffffffffff",
    "--window 1fff-2000, 0x1fff-0x2000",
    "--window 1fff-2000 --relaxable, 0x2000-0x2000",
    "--window 5-5, 0x5-0x5",
    "--window fee00000-fee00000, ''",
  })
  void identityFollowsItsOptions(String options, String expected) throws IOException {
    Path regions = folder.resolve("regions.txt");
    Files.writeString(
        regions,
        "0x0000000000001000 0x0000000000001fff direct-relaxable\n"
            + "0x00000000fee00000 0x00000000feefffff msi\n");
    List<String> words = new ArrayList<>(List.of("identity", regions.toString()));
    words.addAll(options.isEmpty() ? List.of() : List.of(options.split(" ", -1)));
    assertEquals(
        expected, String.join(" ", lines(run(words.toArray(String[]::new)))).strip(), options);
  }

  /** What the tracker says otherwise than Linux is written down, and nothing else is right. */
  @Test
  void aDeviationIsNoExcuseForAnyAnswer() throws IOException {
    for (String name : List.of("steps", "deviations")) {
      Files.copy(FIXTURES.resolve("regions/linux72-msi." + name), folder.resolve("one." + name));
    }
    Path deviations = folder.resolve("one.deviations");
    Path steps = folder.resolve("one.steps");
    assertEquals(0, run("replay", steps.toString()).status());
    String good = Files.readString(deviations);
    String bad = good.replace("-> ok|EINVAL|", "-> ok|EBUSY|");
    assertNotEquals(good, bad);
    Files.writeString(deviations, bad);
    assertEquals(1, run("replay", steps.toString()).status());
  }

  /** A PASID has bounds of its own: those of its table, not those of requests without one. */
  @Test
  void effectiveTellsTheBoundsOfEachPasid() {
    String text = run("effective", file("regions/vtd-pasid.json")).out();
    String plain = "bus addresses of nic%n  binds     0x00000000fee00000-0x00000000feefffff msi";
    assertTrue(text.contains(plain.formatted()), text);
    String tagged = "bus addresses of nic with PASID 0x5%n  binds     nothing%ninput of table S%n";
    assertTrue(text.contains(tagged.formatted()), text);
  }

  @Test
  void replayTellsWrongRegionsInOneLine() throws IOException {
    String region = "0x00000000fee00000 0x00000000feefffff msi";
    Path bad = folder.resolve("bad.txt");
    Files.writeString(
        bad, "group 1 type DMA\n  reserved %s\n  reserved %s\n".formatted(region, region));
    Result result = run("replay", bad.toString());
    String told = "bad.txt: group 1: %s; expected %s, %s".formatted(region, region, region);
    assertTrue(result.out().contains(told), result.out());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "effective nowhere.json",
        "effective BAD",
        "show nowhere",
        "identity --window 5",
        "compare LIST",
        "compare EMPTY",
        "compare BITS",
        "explain SETUP --space moon --address 0",
        "explain SETUP --space bus:x --address 0",
        "effective SETUP --policy NONE",
        "replay SETUP",
      })
  void badInputGetsOneLine(String line) throws IOException {
    Files.writeString(folder.resolve("bad.json"), "{\"devices\": [{\"name\": 1");
    Files.writeString(folder.resolve("list.json"), "{\"devices\": 5}");
    String device = "{'devices': [{'name': 'n', 'unit': 'vtd', 'regions': [%s]}], 'tables': [%s]}";
    String empty = "{'first': 5, 'last': 4, 'kind': 'msi'}";
    String bits = "{'name': 't', 'device': 'n', 'kind': 'paging', 'space': 's', 'bits': [1, 2]}";
    Files.writeString(folder.resolve("empty.json"), device.formatted(empty, "").replace('\'', '"'));
    Files.writeString(folder.resolve("bits.json"), device.formatted("", bits).replace('\'', '"'));
    String arguments =
        line.replace("BAD", folder.resolve("bad.json").toString())
            .replace("LIST", folder.resolve("list.json").toString())
            .replace("EMPTY", folder.resolve("empty.json").toString())
            .replace("BITS", folder.resolve("bits.json").toString())
            .replace("SETUP", file("regions/vtd-nested.json"));
    Result result = run(arguments.split(" ", -1));
    assertEquals(2, result.status(), result.out());
    assertEquals(1, result.err().lines().count(), result.err());
    assertFalse(result.err().contains("Exception:"), result.err());
  }
}
