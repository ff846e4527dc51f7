package dev.nestwalk.cli;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** One DMA, step by step. */
@Command(
    name = "explain",
    mixinStandardHelpOptions = true,
    description = {
      "Shows the walk of one DMA: each read, its address, word and fields, the rule that",
      "decided, and the specification's section."
    },
    footer = {
      "",
      "Example: nestwalk explain fixtures/captures/vtd/linux72-scalable-fs-48"
          + " --source 00:02.0 --iova 0xffffc000"
    })
final class ExplainCommand implements Callable<Integer> {
  /** How the walk is shown. */
  enum Format {
    text,
    json,
    html
  }

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ImageOptions imageOptions = new ImageOptions();
  @Mixin private DmaOptions dma = new DmaOptions();

  @Option(
      names = "--format",
      paramLabel = "F",
      description = "text (default), json, or html: a page to step through the walk.")
  private Format format = Format.text;

  @Option(names = "--out", paramLabel = "FILE", description = "Write to FILE.")
  private @Nullable Path file;

  @Option(
      names = "--also",
      paramLabel = "A",
      converter = Numbers.Address.class,
      description = "With html: another address to walk on the same page, repeatable.")
  private List<Long> also = new ArrayList<>();

  ExplainCommand() {}

  private List<Long> addresses() {
    List<Long> all = new ArrayList<>(List.of(dma.iova()));
    if (format == Format.html) {
      all.addAll(also);
    } else if (!also.isEmpty()) {
      throw new InputException("--also: expected --format html");
    }
    return all;
  }

  @Override
  public Integer call() throws IOException {
    Image image = imageOptions.load();
    dma.check(image);
    List<Explanation> walks = new ArrayList<>();
    boolean refused = false;
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      Reference reference = Walker.explaining(image, memory);
      for (long iova : addresses()) {
        var request = new Explanation.Request(dma.source(), dma.pasid(), iova, dma.access());
        Trace trace = reference.translate(dma.source(), dma.pasid(), iova, dma.access());
        refused |= Translation.isFault(trace.translation());
        walks.add(new Explanation(image, request, trace));
      }
    }
    String text =
        switch (format) {
          case text -> walks.get(0).text();
          case json -> walks.get(0).json();
          case html -> WalkPage.of(walks);
        };
    write(text);
    return refused ? Main.NO : Main.DONE;
  }

  private void write(String text) {
    if (file == null) {
      spec.commandLine().getOut().print(text);
      spec.commandLine().getOut().flush();
      return;
    }
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new InputException(
          file + ": cannot be written: " + e.getClass().getSimpleName() + " " + e.getMessage());
    }
  }
}
