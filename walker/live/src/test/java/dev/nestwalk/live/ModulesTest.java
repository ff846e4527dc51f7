package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import jdk.jfr.consumer.RecordingFile;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The three modules compile as modules, export what docs/architecture.md says, and that is what an
 * embedder's module needs and all that it gets. The build compiles them on the class path, where a
 * missing export goes unnoticed.
 */
class ModulesTest {
  private static final Set<String> EXPORTED =
      Set.of(
          "dev.nestwalk",
          "dev.nestwalk.acpi",
          "dev.nestwalk.cache",
          "dev.nestwalk.dma",
          "dev.nestwalk.memory",
          "dev.nestwalk.region");

  private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();

  @TempDir private static Path classes = Path.of("");

  @BeforeAll
  static void compileAsModules() throws IOException {
    Path walker = Path.of(System.getProperty("nestwalk.root"), "walker");
    for (String module : List.of("core", "device", "live")) {
      Path source = walker.resolve(module + "/src/main/java");
      List<String> options =
          options("-d", classes.resolve(module).toString(), "-proc:none", "-nowarn");
      try (Stream<Path> files = Files.walk(source)) {
        files.map(Path::toString).filter(f -> f.endsWith(".java")).forEach(options::add);
      }
      StringWriter said = new StringWriter();
      int result = COMPILER.run(null, null, new Said(said), options.toArray(String[]::new));
      assertEquals(0, result, said::toString);
    }
  }

  private static List<String> options(String... more) {
    String libraries = jar(Long2ObjectHashMap.class) + File.pathSeparator + jar(NullMarked.class);
    String path =
        Stream.of("core", "device", "live")
            .map(module -> classes.resolve(module).toString())
            .collect(Collectors.joining(File.pathSeparator));
    List<String> options = new ArrayList<>(List.of(more));
    options.addAll(List.of("--module-path", path + File.pathSeparator + libraries));
    return options;
  }

  private static Path jar(Class<?> type) {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  @Test
  void theLibraryExportsSixPackages() throws IOException {
    assertEquals(EXPORTED, exported("core"));
  }

  @Test
  void unitsAndLiveMachinesExportOneEach() throws IOException {
    assertEquals(Set.of("dev.nestwalk.device"), exported("device"));
    assertEquals(Set.of("dev.nestwalk.live"), exported("live"));
  }

  @Test
  void othersAreExportedToOurOwnModulesAlone() throws IOException {
    for (ModuleDescriptor.Exports exports : descriptor("core").exports()) {
      for (String target : exports.targets()) {
        assertTrue(target.matches("dev[.]nestwalk[.](device|live)"), exports.toString());
      }
    }
  }

  /** A name derived from a jar's file name would change with the file. */
  @Test
  void whatTheModulesRequireHasANameOfItsOwn() throws IOException {
    ModuleFinder libraries = ModuleFinder.of(jar(Long2ObjectHashMap.class), jar(NullMarked.class));
    int found = 0;
    for (String module : List.of("core", "device", "live")) {
      for (ModuleDescriptor.Requires required : descriptor(module).requires()) {
        if (required.name().matches("(java|jdk|dev[.]nestwalk)([.].*)?")) {
          continue;
        }
        ModuleReference library = libraries.find(required.name()).orElseThrow();
        if (library.descriptor().isAutomatic()) {
          try (JarFile jar = new JarFile(Path.of(library.location().orElseThrow()).toFile())) {
            assertEquals(
                required.name(),
                jar.getManifest().getMainAttributes().getValue("Automatic-Module-Name"));
          }
        }
        found++;
      }
    }
    assertTrue(found >= 2, "Agrona and the annotations at least");
  }

  @Test
  void anEmbeddersModuleCompilesWithThem() {
    String said =
        embed(
            """
            import dev.nestwalk.Endpoint;
            import dev.nestwalk.Iommu;
            import dev.nestwalk.SmmuInvalidations;
            import dev.nestwalk.Translator;
            import dev.nestwalk.VtdInvalidations;
            import dev.nestwalk.acpi.DmarTable;
            import dev.nestwalk.cache.CacheCounters;
            import dev.nestwalk.cache.CacheOptions;
            import dev.nestwalk.cache.InvalidationListener;
            import dev.nestwalk.dma.Access;
            import dev.nestwalk.dma.FaultRecord;
            import dev.nestwalk.dma.Translation;
            import dev.nestwalk.memory.GuestMemory;
            import dev.nestwalk.region.RegionSet;

            class Embedder {
              String refused(GuestMemory memory, java.util.Map<String, Long> registers) {
                Iommu iommu = Iommu.vtd(memory, registers, 46);
                VtdInvalidations vtd = iommu.vtdInvalidations();
                vtd.iotlbGlobal();
                iommu.restrict(1, -1, RegionSet.EMPTY, RegionSet.EMPTY);
                Translator translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
                Endpoint endpoint = translator.endpoint(1, -1);
                long answer = endpoint.translate(0, Access.READ);
                CacheCounters counters = translator.counters();
                FaultRecord fault = translator.lastFault();
                return iommu.reason(Translation.code(answer)) + counters.hits() + fault;
              }
            }
            """);
    assertEquals("", said);
  }

  @Test
  void noModuleOfOthersReachesInside() {
    for (String inside :
        List.of(
            "vtd.VtdWalker",
            "smmu.SmmuPlan",
            "iotlb.TranslationCache",
            "walk.Kernel",
            "explain.Step")) {
      String said = embed("class Embedder { dev.nestwalk." + inside + " it; }");
      assertTrue(said.contains("is not visible"), said);
    }
  }

  /** The library requires Flight Recorder nowhere: without it there are no events. */
  @Test
  void aModularApplicationRunsWithFlightRecorderAndWithout()
      throws IOException, InterruptedException {
    String said =
        embed(
            """
            import dev.nestwalk.Iommu;
            import dev.nestwalk.dma.Access;
            import dev.nestwalk.memory.GuestMemory;
            import java.lang.foreign.Arena;
            import java.util.Map;

            public class Embedder {
              public static void main(String[] arguments) throws InterruptedException {
                GuestMemory memory =
                    GuestMemory.builder().ram(0, Arena.ofAuto().allocate(0x2000, 8)).build();
                var registers =
                    Map.of(
                        "CAP", 0x00d2008c40660462L, "ECAP", 0x0000000000f00f5aL,
                        "GSTS", 0x80000000L, "RTADDR", 0x1000L);
                Iommu iommu = Iommu.vtd(memory, registers, 39);
                iommu.newTranslator().translate(1, -1, 0x1000, Access.READ);
                iommu.invalidateAll();
                iommu.sync();
                System.out.print(ModuleLayer.boot().findModule("jdk.jfr").isPresent());
              }
            }
            """);
    assertEquals("", said);
    assertEquals("false", run("--limit-modules", "embedder"));
    Path recording = classes.resolve("iommu.jfr");
    String output =
        run(
            "-XX:StartFlightRecording:filename="
                + recording
                + ",+nestwalk.TranslationFault#enabled=true,+nestwalk.Sync#enabled=true");
    assertTrue(output.endsWith("true"), output);
    List<String> events =
        RecordingFile.readAllEvents(recording).stream()
            .map(event -> event.getEventType().getName())
            .filter(name -> name.startsWith("nestwalk."))
            .sorted()
            .toList();
    assertEquals(List.of("nestwalk.Sync", "nestwalk.TranslationFault"), events);
  }

  private static String run(String... jvmOptions) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(jvmOptions));
    List<String> options = options();
    options.set(1, options.get(1) + File.pathSeparator + classes.resolve("embedder"));
    command.addAll(options);
    command.addAll(List.of("--module", "embedder/embedder.Embedder"));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    return said;
  }

  private static Set<String> exported(String module) throws IOException {
    return descriptor(module).exports().stream()
        .filter(exports -> !exports.isQualified())
        .map(ModuleDescriptor.Exports::source)
        .collect(Collectors.toSet());
  }

  private static ModuleDescriptor descriptor(String module) throws IOException {
    try (var in = Files.newInputStream(classes.resolve(module + "/module-info.class"))) {
      return ModuleDescriptor.read(in);
    }
  }

  /** What the compiler says of another module that requires the library, with one class. */
  private static String embed(String source) {
    StringWriter said = new StringWriter();
    COMPILER
        .getTask(
            said,
            null,
            null,
            options("-d", classes.resolve("embedder").toString(), "-proc:none", "-Xlint:exports"),
            null,
            List.of(
                new Source("module-info", "module embedder { requires dev.nestwalk; }"),
                new Source("embedder/Embedder", "package embedder;\n" + source)))
        .call();
    return said.toString();
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(String name, String text) {
      super(URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }

  private static final class Said extends java.io.OutputStream {
    private final StringWriter said;

    Said(StringWriter said) {
      this.said = said;
    }

    @Override
    public void write(int b) {
      said.write(b);
    }
  }
}
