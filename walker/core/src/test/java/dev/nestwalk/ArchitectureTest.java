package dev.nestwalk;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The arrows between packages are those of docs/architecture.md. */
final class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.nestwalk");

  private static final String FIXTURES = "dev.nestwalk.fixtures..";

  /** Packages that each package must not use. */
  private static final Map<String, String[]> FORBIDDEN =
      Map.of(
          "memory",
          new String[] {
            "walk", "format", "dma", "vtd", "smmu", "cache", "region", "acpi", "explain"
          },
          "format",
          new String[] {
            "walk", "memory", "dma", "vtd", "smmu", "cache", "region", "acpi", "explain"
          },
          "dma",
          new String[] {
            "walk", "memory", "format", "vtd", "smmu", "cache", "region", "acpi", "explain"
          },
          "vtd",
          new String[] {"smmu", "region", "acpi", "explain"},
          "smmu",
          new String[] {"vtd", "region", "acpi", "explain"},
          "cache",
          new String[] {"walk", "vtd", "smmu", "region", "acpi", "explain", "format"},
          "region",
          new String[] {"walk", "memory", "format", "vtd", "smmu", "cache", "acpi", "explain"},
          "acpi",
          new String[] {"walk", "memory", "vtd", "smmu", "cache", "explain"},
          "walk",
          new String[] {"format", "vtd", "smmu", "region", "acpi", "explain"},
          "explain",
          new String[] {"cache", "region", "acpi", "walk"});

  static Stream<Arguments> arrows() {
    return FORBIDDEN.entrySet().stream()
        .flatMap(
            entry ->
                Stream.of(entry.getValue()).map(target -> Arguments.of(entry.getKey(), target)));
  }

  @ParameterizedTest(name = "{0} does not use {1}")
  @MethodSource("arrows")
  void noForbiddenArrow(String from, String to) {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAPackage("dev.nestwalk." + from)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.nestwalk." + to)
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @ParameterizedTest(name = "{0} does not use the root package")
  @MethodSource("packages")
  void noPackageUsesTheRoot(String from) {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAPackage("dev.nestwalk." + from)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.nestwalk", FIXTURES)
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  static Stream<String> packages() {
    return FORBIDDEN.keySet().stream();
  }

  /** The explaining walkers share declarations with the hot ones, never a step of the walk. */
  @ParameterizedTest(name = "the reference walkers do not use {0}")
  @MethodSource("walkers")
  void referenceWalkersUseNoHotWalker(String walker) {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAPackage("dev.nestwalk.explain")
        .should()
        .dependOnClassesThat()
        .haveSimpleName(walker)
        .check(CLASSES);
  }

  static Stream<String> walkers() {
    return Stream.of(
        "VtdWalker",
        "VtdResolver",
        "VtdPlan",
        "SecondStageWalk",
        "FirstStageWalk",
        "FirstStageRights",
        "ReservedMasks",
        "FaultRecording",
        "VtdConfig",
        "SmmuWalker",
        "SmmuConfig",
        "SmmuPlan",
        "Regime",
        "StreamResolver",
        "ContextResolver",
        "Stage1Walk",
        "Stage1Rights",
        "Stage2Walk",
        "EventWriting");
  }
}
