package dev.nestwalk.cli;

import dev.nestwalk.fixtures.WholeFile;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.region.Policy;
import dev.nestwalk.teach.Endpoints;
import dev.nestwalk.teach.Explanation;
import dev.nestwalk.teach.Guard;
import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.TraceWriter;
import dev.nestwalk.teach.WalkPage;
import java.io.IOException;
import java.lang.foreign.Arena;
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

/** Explains one DMA step by step. */
@Command(
    name = "explain",
    mixinStandardHelpOptions = true,
    description = {
      "Shows the walk of one DMA, read by read.",
      "Each read has its address, word and fields, the rule that decided and the specification's"
          + " section."
    },
    footer = {
      "",
      "Example: nestwalk explain fixtures/captures/vtd/linux72-scalable-fs-48"
          + " --source 00:02.0 --iova 0xffffc000",
      "Example: nestwalk explain fixtures/teaching/vtd-nested --source 00:02.0 --iova 0x40001008"
          + " \\",
      "  --format html --out walk.html"
          + " --also fixtures/captures/smmuv3/nested-vm-4k,0x8,0xffffc000"
    })
final class ExplainCommand implements Callable<Integer> {
  /** Output formats of the walk. */
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
      paramLabel = "WALK",
      description =
          "With html: another walk on the same page, repeatable: ADDRESS,"
              + " [IMAGE,]SOURCE[/PASID],ADDRESS[,w] or FILE.json, a walk saved as JSON.")
  private List<String> also = new ArrayList<>();

  @Mixin private GuardOptions guardOptions = new GuardOptions();

  @Option(
      names = "--policy",
      paramLabel = "P",
      description =
          "Policy on the regions between two stages; default: the setup's, or PARENT_OPT_IN.")
  private @Nullable String policy;

  @Option(
      names = "--exit-fault",
      description = "Exit status 1 if the DMA is refused, also with html and --out.")
  private boolean exitFault;

  ExplainCommand() {}

  @Override
  public Integer call() throws IOException {
    if (format != Format.html && !also.isEmpty()) {
      throw new InputException("--also: expected --format html");
    }
    Image image = imageOptions.load();
    dma.check(image);
    var request = new Explanation.Request(dma.source(), dma.pasid(), dma.iova(), dma.access());
    List<AlsoWalk> others = also.stream().map(AlsoWalk::parse).toList();
    List<Explanation> walks = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      walks.add(explain(image, memory, request));
      for (AlsoWalk other : others) {
        walks.add(explain(image, memory, request, other, arena));
      }
    }
    String text =
        switch (format) {
          case text -> walks.get(0).text();
          case json -> TraceWriter.text(walks.get(0));
          case html -> WalkPage.of(walks);
        };
    write(text);
    boolean refused = walks.stream().anyMatch(Explanation::isRefused);
    // Writing the requested page is success; scripts that want the answer as status use
    // --exit-fault.
    boolean page = format == Format.html && file != null;
    return refused && (exitFault || !page) ? Main.NO : Main.DONE;
  }

  private Explanation explain(
      Image image, GuestMemory memory, Explanation.Request own, AlsoWalk other, Arena arena)
      throws IOException {
    if (other.saved() != null) {
      return other.saved();
    }
    Explanation.Request request =
        other.request() == null
            ? new Explanation.Request(own.source(), own.pasid(), other.iova(), own.access())
            : other.request();
    if (other.image() == null) {
      DmaOptions.check(image, request.source(), "--also");
      return explain(image, memory, request);
    }
    Image another = Image.ofScenario(other.image(), null);
    DmaOptions.check(another, request.source(), "--also");
    return explain(another, another.open(Opening.READ_ONLY, arena), request);
  }

  private Explanation explain(Image image, GuestMemory memory, Explanation.Request request) {
    Guards guards = guardOptions.guards();
    if (guards == null) {
      if (policy != null) {
        throw new InputException("--policy needs --regions");
      }
      return Explanation.of(image, memory, null, request);
    }
    boolean nested = Endpoints.isNested(image, memory, request.source(), request.pasid());
    Policy by = policy == null ? guards.policy() : RegionsCommand.named(policy);
    Guard guard = guards.guard(by, image.isVtd(), request.pasid(), nested);
    return Explanation.of(image, memory, guard, request);
  }

  private void write(String text) {
    if (file == null) {
      spec.commandLine().getOut().print(text);
      spec.commandLine().getOut().flush();
      return;
    }
    WholeFile.write(file, text, imageOptions.files());
    spec.commandLine()
        .getOut()
        .println("wrote %s (%d KB)".formatted(file, text.length() + 1023 >> 10));
    spec.commandLine().getOut().flush();
  }
}
