package dev.nestwalk.cli;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
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
    json
  }

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ImageOptions imageOptions = new ImageOptions();
  @Mixin private DmaOptions dma = new DmaOptions();

  @Option(names = "--format", paramLabel = "F", description = "text (default) or json.")
  private Format format = Format.text;

  @Option(names = "--out", paramLabel = "FILE", description = "Write to FILE.")
  private @Nullable Path file;

  ExplainCommand() {}

  @Override
  public Integer call() throws IOException {
    Image image = imageOptions.load();
    dma.check(image);
    Trace trace;
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      trace =
          Walker.explaining(image, memory)
              .translate(dma.source(), dma.pasid(), dma.iova(), dma.access());
    }
    Explanation explanation = new Explanation(image, dma, trace);
    String text =
        switch (format) {
          case text -> explanation.text();
          case json -> explanation.json();
        };
    write(text);
    return Translation.isFault(trace.translation()) ? Main.NO : Main.DONE;
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
