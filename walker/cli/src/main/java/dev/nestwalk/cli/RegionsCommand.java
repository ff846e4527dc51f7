package dev.nestwalk.cli;

import com.google.gson.JsonObject;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.DecisionTable;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionList;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Numbers;
import dev.nestwalk.teach.RegionFiles;
import dev.nestwalk.teach.Setup;
import dev.nestwalk.teach.SetupReport;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Reserved regions: what platforms report, what binds, and what policies enforce. */
@Command(
    name = "regions",
    mixinStandardHelpOptions = true,
    description = "Tells which reserved regions a device must not use in which address space.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "FILE is a DMAR, IORT or IVRS table, what acpidump prints of them, or the text of",
      "IOMMU groups' reserved_regions as pasted.",
      "SETUP is a small JSON file; fixtures/regions has examples.",
      "",
      "Example: nestwalk regions compare fixtures/regions/vtd-nested.json"
    })
final class RegionsCommand implements Callable<Integer> {
  private static final String REGION_SOURCES =
      "A DMAR, IORT or IVRS table, what acpidump prints of them, or the text of"
          + " reserved_regions.";
  private static final String SETUP_FILE = "The setup, a JSON file.";
  private static final String OTHER_POLICY = "Policy instead of the setup's own.";

  @Spec private CommandSpec spec = CommandSpec.create();

  RegionsCommand() {}

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "expected show, effective, identity, explain, compare or replay");
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }

  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      description =
          "Lists the regions of firmware tables and sysfs texts with their source, then merged.")
  int show(
      @Parameters(arity = "1..*", paramLabel = "FILE", description = REGION_SOURCES)
          List<Path> files,
      @Mixin TextOrJson format,
      @Mixin FirmwareOptions firmware) {
    RegionList merged = new RegionList();
    List<RegionFiles.Content> contents = new ArrayList<>();
    for (Path file : files) {
      RegionFiles.Content content = RegionFiles.read(file, firmware.reading());
      warn(file, content);
      contents.add(content);
      content.regions().forEach(sourced -> merged.add(sourced.region()));
    }
    if (format.isJson()) {
      TextOrJson.print(out(), RegionsJson.show(files, contents, merged.regions()));
      return Main.DONE;
    }
    for (int i = 0; i < files.size(); i++) {
      show(files.get(i), contents.get(i));
    }
    out().println("merged:");
    merged.regions().forEach(region -> out().println(line(region)));
    return Main.DONE;
  }

  private void show(Path file, RegionFiles.Content content) {
    for (RegionFiles.Sourced sourced : content.regions()) {
      String note = sourced.note().isEmpty() ? "" : " " + sourced.note();
      out()
          .println(
              "%s  %s: %s"
                  .formatted(line(sourced.region()) + note, file.getFileName(), sourced.source()));
    }
  }

  private void warn(Path file, RegionFiles.Content content) {
    for (String warning : content.warnings()) {
      spec.commandLine().getErr().println("nestwalk: " + file + ": " + warning);
    }
  }

  /** A region in one line: first address, last address, kind. */
  static String line(Region region) {
    return "0x%016x-0x%016x %-16s"
        .formatted(region.first(), region.last(), SetupReport.word(region.kind()))
        .stripTrailing();
  }

  @Command(
      name = "effective",
      mixinStandardHelpOptions = true,
      description =
          "Tells which regions of a setup are enforced, which bind and which are reported.")
  int effective(
      @Parameters(paramLabel = "SETUP", description = SETUP_FILE) Path file,
      @Option(names = "--policy", paramLabel = "P", description = OTHER_POLICY)
          @Nullable String policy,
      @Mixin TextOrJson format,
      @Mixin FirmwareOptions firmware) {
    JsonObject json = Setup.read(file);
    SetupReport report =
        new SetupReport(Setup.play(file, json, chosen(file, json, policy), firmware.reading()));
    out().print(format.isJson() ? report.json() : report.text());
    return Main.DONE;
  }

  private static Policy chosen(Path file, JsonObject json, @Nullable String policy) {
    return policy == null ? Setup.policyOf(file, json) : named(policy);
  }

  /** The policy with this name. */
  static Policy named(String policy) {
    try {
      return Policy.named(policy);
    } catch (IllegalArgumentException e) {
      throw new InputException(String.valueOf(e.getMessage()));
    }
  }

  @Command(
      name = "identity",
      mixinStandardHelpOptions = true,
      description =
          "Tells which guest-physical addresses may also be bus addresses, clear of all the"
              + " regions given.")
  int identity(
      @Parameters(arity = "0..*", paramLabel = "FILE", description = REGION_SOURCES)
          @Nullable List<Path> files,
      @Option(
              names = "--window",
              paramLabel = "FIRST-LAST",
              description = "Addresses to look at; default: all.")
          @Nullable String window,
      @Option(
              names = "--align",
              paramLabel = "N",
              converter = NumberOptions.Length.class,
              description = "Alignment of the ranges, a power of two; default 1.")
          @Nullable Long align,
      @Option(names = "--relaxable", description = "Relaxable regions count too.")
          boolean relaxable,
      @Mixin TextOrJson format,
      @Mixin FirmwareOptions firmware) {
    List<Region> regions = new ArrayList<>();
    for (Path file : files == null ? List.<Path>of() : files) {
      RegionFiles.Content content = RegionFiles.read(file, firmware.reading());
      warn(file, content);
      content.regions().forEach(sourced -> regions.add(sourced.region()));
    }
    long granule = align == null ? 1 : align;
    if (Long.bitCount(granule) != 1) {
      throw new InputException("--align: expected a power of two");
    }
    AddressSet.Range within = window(window);
    List<AddressSet.Range> allowed =
        AddressSet.allowedIdentity(regions, within, granule, relaxable);
    if (format.isJson()) {
      TextOrJson.print(out(), RegionsJson.identity(within, granule, relaxable, allowed));
      return Main.DONE;
    }
    allowed.forEach(range -> out().println("0x%x-0x%x".formatted(range.first(), range.last())));
    return Main.DONE;
  }

  private static AddressSet.Range window(@Nullable String text) {
    if (text == null) {
      return new AddressSet.Range(0, Ioas.LAST);
    }
    String[] parts = text.split("-", -1);
    Long first = parts.length == 2 ? Numbers.hexOrNull(parts[0]) : null;
    Long last = parts.length == 2 ? Numbers.hexOrNull(parts[1]) : null;
    if (first == null || last == null || Long.compareUnsigned(last, first) < 0) {
      throw new InputException("--window '" + text + "': expected FIRST-LAST, hexadecimal");
    }
    return new AddressSet.Range(first, last);
  }

  @Command(
      name = "explain",
      mixinStandardHelpOptions = true,
      description = "Tells why an address of a setup is or is not reserved.")
  int explain(
      @Parameters(paramLabel = "SETUP", description = SETUP_FILE) Path file,
      @Option(
              names = "--space",
              required = true,
              paramLabel = "S",
              description =
                  "Address space of the setup: bus:DEVICE, bus:DEVICE:PASID, input:TABLE or"
                      + " space:NAME.")
          String space,
      @Option(
              names = "--address",
              required = true,
              paramLabel = "A",
              converter = NumberOptions.Address.class,
              description = "The address.")
          Long address,
      @Option(names = "--policy", paramLabel = "P", description = OTHER_POLICY)
          @Nullable String policy,
      @Mixin TextOrJson format,
      @Mixin FirmwareOptions firmware) {
    JsonObject json = Setup.read(file);
    Setup setup = Setup.play(file, json, chosen(file, json, policy), firmware.reading());
    RegionExplanation explanation = RegionExplanation.of(setup, space, address);
    if (format.isJson()) {
      TextOrJson.print(out(), explanation.json());
    } else {
      out().print(explanation.text());
    }
    return Main.DONE;
  }

  @Command(
      name = "compare",
      mixinStandardHelpOptions = true,
      description = {
        "Shows one setup under every policy, side by side.",
        "Without a setup: the decision table of all configurations."
      })
  int compare(
      @Parameters(arity = "0..1", paramLabel = "SETUP", description = SETUP_FILE)
          @Nullable Path file,
      @Mixin TextOrJson format,
      @Mixin FirmwareOptions firmware) {
    if (file == null) {
      if (format.isJson()) {
        TextOrJson.print(out(), RegionsJson.decisionTable());
      } else {
        decisionTable();
      }
      return Main.DONE;
    }
    JsonObject json = Setup.read(file);
    if (format.isJson()) {
      List<Setup> setups = new ArrayList<>();
      for (Policy policy : Policy.all()) {
        setups.add(Setup.play(file, json, policy, firmware.reading()));
      }
      TextOrJson.print(out(), RegionsJson.compare(setups));
      return Main.DONE;
    }
    for (Policy policy : Policy.all()) {
      Setup setup = Setup.play(file, json, policy, firmware.reading());
      out().println(policy.name());
      setup.refusals.forEach(refusal -> out().println("  refused  " + refusal));
      setup.spaces.forEach((name, space) -> out().println("  " + enforced(setup, name, space)));
    }
    return Main.DONE;
  }

  /** The regions of attached devices that an address space enforces, without the aperture. */
  private static String enforced(Setup setup, String name, Ioas space) {
    List<String> held = new ArrayList<>();
    for (HeldRegion one : HeldRegion.of(setup, space)) {
      Region region = one.region();
      held.add(
          "%s 0x%x-0x%x of %s"
              .formatted(
                  SetupReport.word(region.kind()), region.first(), region.last(), one.device()));
    }
    return "enforced in %s: %s"
        .formatted(name, held.isEmpty() ? "no region" : String.join(", ", held));
  }

  private void decisionTable() {
    List<String> head = new ArrayList<>(List.of("row", "bus", "inter"));
    for (Policy policy : Policy.all()) {
      head.add(policy.name());
      if (policy.honoursOptIn()) {
        head.add("(opted in)");
      }
    }
    out().println(columns(head, head));
    for (DecisionTable.Row row : DecisionTable.Row.values()) {
      List<String> words = new ArrayList<>(List.of(row.name()));
      words.addAll(DecisionTable.row(row));
      out().println(columns(head, words));
    }
  }

  /** Aligns words with the headings of their columns. */
  private static String columns(List<String> head, List<String> words) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < words.size(); i++) {
      int width = 1 + Math.max(head.get(i).length(), 5);
      line.append(words.get(i)).append(" ".repeat(Math.max(1, width - words.get(i).length())));
    }
    return line.toString().stripTrailing();
  }

  @Command(
      name = "replay",
      mixinStandardHelpOptions = true,
      description =
          "Replays a machine's record of regions, usable ranges and map requests and compares the"
              + " answers.")
  int replay(
      @Parameters(
              arity = "1..*",
              paramLabel = "FILE",
              description = "A record (NAME.steps), or reserved_regions with usable ranges.")
          List<Path> files,
      @Mixin TextOrJson format) {
    List<Replay.Result> replays = new ArrayList<>();
    int passed = 0;
    int failed = 0;
    for (Path file : files) {
      Replay.Result replay = Replay.of(file);
      if (replay.passed() == 0 && replay.failures().isEmpty()) {
        throw new InputException(file + ": no answer to compare, expected at least one");
      }
      replays.add(replay);
      passed += replay.passed();
      failed += replay.failures().size();
      if (!format.isJson()) {
        out()
            .println(
                "%-48s %4d passed %4d failed"
                    .formatted(file.getFileName(), replay.passed(), replay.failures().size()));
        replay.failures().forEach(line -> out().println("  " + line));
      }
    }
    if (format.isJson()) {
      TextOrJson.print(out(), RegionsJson.replay(files, replays, passed, failed));
    } else {
      out().println("%d passed, %d failed".formatted(passed, failed));
    }
    return failed == 0 ? Main.DONE : Main.NO;
  }
}
