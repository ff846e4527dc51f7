package dev.nestwalk;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
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

  /** What each package may use of the others; the root package may use them all. */
  private static final Map<String, Set<String>> ALLOWED =
      Map.ofEntries(
          entry("memory", Set.of()),
          entry("format", Set.of()),
          entry("dma", Set.of()),
          entry("cache", Set.of()),
          entry("iotlb", Set.of("cache", "dma")),
          entry("walk", Set.of("memory", "dma", "iotlb")),
          entry("vtd", Set.of("memory", "format", "dma", "iotlb", "walk")),
          entry("smmu", Set.of("memory", "format", "dma", "iotlb", "walk")),
          entry("region", Set.of()),
          entry("acpi", Set.of("region")),
          entry("explain", Set.of("memory", "format", "dma", "vtd", "smmu")),
          entry("flight", Set.of("dma", "cache")));

  static Stream<Arguments> forbidden() {
    return ALLOWED.entrySet().stream()
        .flatMap(
            entry ->
                packages()
                    .filter(other -> !other.equals(entry.getKey()))
                    .filter(other -> !entry.getValue().contains(other))
                    .map(other -> Arguments.of(entry.getKey(), other)));
  }

  @ParameterizedTest(name = "{0} does not use {1}")
  @MethodSource("forbidden")
  void noForbiddenArrow(String from, String to) {
    ArchRuleDefinition.noClasses()
        .that()
        .resideInAPackage("dev.nestwalk." + from)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.nestwalk." + to)
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
        .check(CLASSES);
  }

  static Stream<String> packages() {
    return ALLOWED.keySet().stream().sorted();
  }

  @Test
  void everyPackageIsListed() {
    Set<String> found =
        CLASSES.stream()
            .map(JavaClass::getPackageName)
            .filter(name -> name.startsWith("dev.nestwalk."))
            .map(name -> name.substring("dev.nestwalk.".length()))
            .filter(name -> !name.startsWith("fixtures"))
            .collect(Collectors.toSet());
    assertEquals(ALLOWED.keySet(), found);
  }

  /**
   * What the reference walkers use of a format beside declared fields and numbers: what a unit can
   * do, and memory attributes, which hot walkers do not work out.
   */
  private static final Set<String> SHARED =
      Set.of("VtdCapabilities", "SmmuCapabilities", "MemoryAttributes");

  /**
   * The reference walkers share declarations with the hot ones, never a step of the walk: what they
   * use of a format declares fields or numbers and does nothing, or is named here.
   */
  @Test
  void referenceWalkersUseNothingOfAFormatButWhatItDeclares() {
    ArchRuleDefinition.classes()
        .that()
        .resideInAPackage("dev.nestwalk.explain")
        .should()
        .onlyDependOnClassesThat(
            DescribedPredicate.describe(
                "declare fields or numbers",
                other ->
                    !FORMATS.contains(other.getPackageName())
                        || SHARED.contains(other.getSimpleName())
                        || declares(other)))
        .check(CLASSES);
    Set<String> used = new TreeSet<>();
    CLASSES.stream()
        .filter(one -> one.getPackageName().equals("dev.nestwalk.explain"))
        .flatMap(one -> one.getDirectDependenciesFromSelf().stream())
        .map(Dependency::getTargetClass)
        .filter(one -> FORMATS.contains(one.getPackageName()) && !declares(one))
        .forEach(one -> used.add(one.getSimpleName()));
    assertEquals(new TreeSet<>(SHARED), used, "each exception is one");
  }

  private static final Set<String> FORMATS = Set.of("dev.nestwalk.vtd", "dev.nestwalk.smmu");

  /** Enums, and classes whose fields are constants of the declaring types and numbers. */
  private static boolean declares(JavaClass one) {
    return one.isEnum()
        || one.getEnclosingClass().filter(outer -> declares(outer)).isPresent()
        || !one.getFields().isEmpty()
            && one.getFields().stream()
                .allMatch(
                    field ->
                        field.getModifiers().contains(JavaModifier.STATIC)
                            && field.getModifiers().contains(JavaModifier.FINAL)
                            && DECLARED.contains(field.getRawType().getSimpleName()));
  }

  private static final Set<String> DECLARED = Set.of("Field", "Structure", "int", "int[]");
}
