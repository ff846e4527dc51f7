package dev.nestwalk.cli;

import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.Exploration;
import dev.nestwalk.teach.Explorer;
import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Serves the interactive walk page. */
@Command(
    name = "explore",
    mixinStandardHelpOptions = true,
    description = {
      "Serves a page to walk any address, flip any bit and see what changes.",
      "Only for the browser of this machine. The image itself is never changed. Ends with Ctrl-C."
    },
    footer = {"", "Example: nestwalk explore fixtures/captures/smmuv3/nested-vm-4k"})
final class ExploreCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ImageOptions imageOptions = new ImageOptions();

  @Mixin private GuardOptions guardOptions = new GuardOptions();

  @Option(names = "--port", paramLabel = "N", description = "Default: any that is free.")
  private int port;

  ExploreCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (port < 0 || port > 0xffff) {
      throw new InputException("--port %d: expected 0 to 65535".formatted(port));
    }
    Image image = imageOptions.load();
    try (Arena arena = Arena.ofShared()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      Guards given = guardOptions.guards();
      Guards guards = given == null ? Guards.usual(image.isVtd()) : given;
      try (Explorer explorer = new Explorer(new Exploration(image, memory, guards), port)) {
        spec.commandLine().getOut().println("open " + explorer.url());
        spec.commandLine().getOut().flush();
        Thread.currentThread().join();
      } catch (java.net.BindException e) {
        throw new InputException("--port %d: in use".formatted(port));
      }
    }
    return Main.DONE;
  }
}
