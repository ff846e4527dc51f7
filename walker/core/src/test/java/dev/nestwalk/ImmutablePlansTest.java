package dev.nestwalk;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * A resolved configuration stays what it is until it is resolved again: what a walk finds, it keeps
 * to itself. And nothing of the library can be changed past its methods.
 */
class ImmutablePlansTest {
  private static final Set<String> PLANS =
      Set.of(
          "dev.nestwalk.iotlb.CachedPlan",
          "dev.nestwalk.vtd.VtdPlan",
          "dev.nestwalk.smmu.SmmuPlan",
          "dev.nestwalk.smmu.Regime");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(
              location -> !location.contains("/test/") && !location.contains("/test-classes/"))
          .importPackages("dev.nestwalk");

  @Test
  void onlyResolversWriteToPlans() {
    assertTrue(PLANS.stream().allMatch(CLASSES::contain), "the plans are where they were");
    ArchRuleDefinition.noClasses()
        .that(
            describe(
                "neither resolve a configuration nor are one",
                type ->
                    !type.getSimpleName().endsWith("Resolver") && !PLANS.contains(type.getName())))
        .should()
        .setFieldWhere(
            describe("of a plan", access -> PLANS.contains(access.getTargetOwner().getName())))
        .check(CLASSES);
  }

  @Test
  void noFieldCanBeSetFromElsewhere() {
    ArchRuleDefinition.fields()
        .that()
        .arePublic()
        .and()
        .areDeclaredInClassesThat()
        .resideOutsideOfPackage("dev.nestwalk.fixtures..")
        .should()
        .beFinal()
        .check(CLASSES);
  }
}
