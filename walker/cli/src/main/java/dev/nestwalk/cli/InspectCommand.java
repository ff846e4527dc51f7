package dev.nestwalk.cli;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.teach.Endpoint;
import dev.nestwalk.teach.Endpoints;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.Inventory;
import dev.nestwalk.teach.Progress;
import dev.nestwalk.teach.RangeScan;
import dev.nestwalk.teach.Walker;
import dev.nestwalk.vtd.GlobalStatus;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What is in an image. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = "Lists registers, contexts, domains and every mapped range per endpoint.",
    footer = {
      "",
      "Example: nestwalk inspect fixtures/captures/vtd/linux72-legacy-48 --source 00:02.0"
    })
final class InspectCommand implements Callable<Integer> {
  /** How the findings are shown. */
  enum Format {
    text,
    json
  }

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ImageOptions imageOptions = new ImageOptions();

  @Option(
      names = "--source",
      paramLabel = "S",
      converter = NumberOptions.Source.class,
      description = "Only this requester id: 0x0010 or 00:02.0.")
  private int source = -1;

  @Option(names = "--format", paramLabel = "F", description = "text (default) or json.")
  private Format format = Format.text;

  InspectCommand() {}

  @Override
  public Integer call() throws IOException {
    Image image = imageOptions.load();
    Inventory inventory;
    try (Arena arena = Arena.ofConfined();
        Progress progress = new Progress(spec.commandLine().getErr())) {
      inventory = inspect(image, image.open(Opening.READ_ONLY, arena), progress);
    }
    spec.commandLine().getOut().print(format == Format.text ? inventory.text() : inventory.json());
    spec.commandLine().getOut().flush();
    return Main.DONE;
  }

  private Inventory inspect(Image image, GuestMemory memory, Progress progress) {
    Walker walker = Walker.fast(image, memory);
    Reference reference = Walker.explaining(image, memory);
    Map<List<Long>, RangeScan.Found> known = new HashMap<>();
    List<Inventory.Entry> entries = new ArrayList<>();
    boolean on = isOn(image);
    List<Endpoint> endpoints = Endpoints.list(image, memory, source);
    for (Endpoint endpoint : endpoints) {
      RangeScan.Found found =
          on
              ? known.computeIfAbsent(
                  endpoint.key(),
                  key -> new RangeScan(image, walker, reference, endpoint, progress).run())
              : new RangeScan.Found(List.of(), "", false, null);
      entries.add(new Inventory.Entry(endpoint, found));
    }
    return new Inventory(image, memory, on, entries);
  }

  private static boolean isOn(Image image) {
    Map<String, Long> registers = image.registers();
    return image.isVtd()
        ? GlobalStatus.TES.in(registers.getOrDefault("GSTS", 0L))
        : Cr0.SMMUEN.in(registers.getOrDefault("CR0", 0L));
  }
}
