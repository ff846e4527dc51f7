package dev.nestwalk.live;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The server stands on units and ports; nothing below knows of it. */
final class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(place -> !place.contains("/test-classes/") && !place.contains("/test/"))
          .importPackages("dev.nestwalk");

  @Test
  void dependsOnUnitsAndTheLibraryOnly() {
    ArchRuleDefinition.classes()
        .that()
        .resideInAPackage("dev.nestwalk.live")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "org.jspecify..",
            "dev.nestwalk.live",
            "dev.nestwalk.device",
            "dev.nestwalk",
            "dev.nestwalk.cache",
            "dev.nestwalk.dma",
            "dev.nestwalk.memory",
            "dev.nestwalk.smmu",
            "dev.nestwalk.vtd")
        .check(CLASSES);
  }

  @Test
  void isUsedByNothingBelow() {
    ArchRuleDefinition.noClasses()
        .that()
        .resideOutsideOfPackage("dev.nestwalk.live")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.nestwalk.live")
        .check(CLASSES);
  }

  /** What {@link PciFunction#dma} opens respects Bus Master Enable. */
  @Test
  void noFunctionOpensMemoryPastItsBusMasterEnable() {
    ArchRuleDefinition.noClasses()
        .that()
        .doNotBelongToAnyOf(PciFunction.class)
        .should()
        .callMethod(Dma.Source.class, "open", int.class, int.class)
        .check(CLASSES);
  }

  /** The root of a chroot is in no list of mounts, where a file store is looked for. */
  @Test
  void asksForFreeSpaceWithoutTheListOfMounts() {
    ArchRuleDefinition.noClasses()
        .should()
        .callMethod(Files.class, "getFileStore", Path.class)
        .check(CLASSES);
  }
}
