package dev.nestwalk.device;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import org.junit.jupiter.api.Test;

/** The front ends stand on the library alone. */
final class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(place -> !place.contains("/test-classes/") && !place.contains("/test/"))
          .importPackages("dev.nestwalk");

  @Test
  void dependsOnCoreOnly() {
    ArchRuleDefinition.classes()
        .that()
        .resideInAPackage("dev.nestwalk.device")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "org.jspecify..",
            "dev.nestwalk.device",
            "dev.nestwalk",
            "dev.nestwalk.cache",
            "dev.nestwalk.dma",
            "dev.nestwalk.format",
            "dev.nestwalk.memory",
            "dev.nestwalk.region",
            "dev.nestwalk.smmu",
            "dev.nestwalk.vtd")
        .check(CLASSES);
  }

  @Test
  void isUsedByNothingInCore() {
    ArchRuleDefinition.noClasses()
        .that()
        .resideOutsideOfPackage("dev.nestwalk.device")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.nestwalk.device")
        .check(CLASSES);
  }
}
