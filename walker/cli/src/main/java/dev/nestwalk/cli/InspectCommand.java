package dev.nestwalk.cli;

import dev.nestwalk.Iommu;
import dev.nestwalk.Mappings;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.teach.Budget;
import dev.nestwalk.teach.Endpoint;
import dev.nestwalk.teach.Endpoints;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Inventory;
import dev.nestwalk.teach.Progress;
import dev.nestwalk.teach.RangeScan;
import dev.nestwalk.teach.TranslationStructure;
import dev.nestwalk.teach.Walker;
import dev.nestwalk.vtd.GlobalStatus;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Lists what an image holds. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = "Lists registers, contexts, domains and every mapped range per endpoint.",
    footer = {
      "",
      "Example: nestwalk inspect fixtures/captures/vtd/linux72-legacy-48 --source 00:02.0"
    })
final class InspectCommand implements Callable<Integer> {
  /** Output formats of the findings. */
  enum Format {
    text,
    json
  }

  /** Number of walks for one endpoint before the next has its turn. */
  private static final int TURN = 1024;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ImageOptions imageOptions = new ImageOptions();

  @Option(
      names = "--source",
      paramLabel = "S",
      converter = NumberOptions.Source.class,
      description = "Only this requester id: 0x0010 or 00:02.0.")
  private @Nullable Integer source;

  @Option(names = "--format", paramLabel = "F", description = "text (default) or json.")
  private Format format = Format.text;

  @Option(
      names = "--limit",
      paramLabel = "SECONDS",
      description =
          "Time to spend (default 10). The limits of reads, endpoints and ranges grow with it.")
  private int limit = Budget.SECONDS;

  @Option(
      names = "--compare",
      paramLabel = "FILE",
      description =
          "Compare the tables with what Linux printed of them (debugfs dmar_translation_struct)."
              + " Exit status 1 if an entry differs.")
  private @Nullable Path compared;

  InspectCommand() {}

  @Override
  public Integer call() throws IOException {
    Image image = imageOptions.load();
    if (limit < 1) {
      throw new InputException("--limit " + limit + ": expected 1 or more seconds");
    }
    if (compared != null) {
      return compare(compared, image);
    }
    Inventory inventory;
    try (Arena arena = Arena.ofConfined();
        Progress progress = new Progress(spec.commandLine().getErr())) {
      inventory = inspect(image, image.open(Opening.READ_ONLY, arena), progress);
    }
    spec.commandLine().getOut().print(format == Format.text ? inventory.text() : inventory.json());
    spec.commandLine().getOut().flush();
    return Main.DONE;
  }

  private int compare(Path file, Image image) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      List<Endpoint> endpoints = Endpoints.list(image, memory, source, Budget.ofSeconds(limit));
      TranslationStructure.Result result =
          TranslationStructure.compare(file, image, memory, endpoints);
      PrintWriter out = spec.commandLine().getOut();
      result.differences().forEach(out::println);
      out.println(
          "%d entries agree, %d differences"
              .formatted(result.agreed(), result.differences().size()));
      out.flush();
      return result.differences().isEmpty() ? Main.DONE : Main.NO;
    }
  }

  private Inventory inspect(Image image, GuestMemory memory, Progress progress) {
    Iommu iommu = Walker.iommu(image, memory);
    Walker walker = Walker.uncached(iommu);
    Mappings mappings = iommu.mappings();
    Budget budget = Budget.ofSeconds(limit);
    Map<List<Long>, RangeScan> scans = new LinkedHashMap<>();
    boolean on = isOn(image);
    List<Endpoint> endpoints = Endpoints.list(image, memory, source, budget);
    for (Endpoint endpoint : endpoints) {
      if (on) {
        scans.computeIfAbsent(
            endpoint.key(),
            key -> new RangeScan(image, mappings, walker, endpoint, progress, budget));
      }
    }
    scan(scans.values());
    Map<List<Long>, RangeScan.Found> known = new HashMap<>();
    RangeScan.Found nothing = new RangeScan.Found(List.of(), "", null);
    List<Inventory.Entry> entries = new ArrayList<>();
    for (Endpoint endpoint : endpoints) {
      RangeScan scan = scans.get(endpoint.key());
      RangeScan.Found found = scan == null ? nothing : known.get(endpoint.key());
      if (scan != null && found == null) {
        found = scan.found(endpoint);
        if (!found.ranges().isEmpty()) {
          known.put(endpoint.key(), found); // without ranges there is a fault, of one requester
        }
      }
      entries.add(new Inventory.Entry(endpoint, found == null ? nothing : found));
    }
    return new Inventory(image, memory, on, entries, budget);
  }

  /** Scans in turns, so that an endpoint whose tables never end leaves time for the others. */
  private static void scan(Collection<RangeScan> scans) {
    Deque<RangeScan> waiting = new ArrayDeque<>(scans);
    for (RangeScan scan = waiting.poll(); scan != null; scan = waiting.poll()) {
      if (!scan.advance(TURN)) {
        waiting.add(scan);
      }
    }
  }

  private static boolean isOn(Image image) {
    Map<String, Long> registers = image.registers();
    return image.isVtd()
        ? GlobalStatus.TES.in(registers.getOrDefault("GSTS", 0L))
        : Cr0.SMMUEN.in(registers.getOrDefault("CR0", 0L));
  }
}
