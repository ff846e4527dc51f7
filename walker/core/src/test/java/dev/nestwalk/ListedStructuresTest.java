package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.nestwalk.format.Listing;
import dev.nestwalk.format.Structure;
import dev.nestwalk.smmu.SmmuStructures;
import dev.nestwalk.smmu.Stage1Descriptor;
import dev.nestwalk.smmu.Stage2Descriptor;
import dev.nestwalk.vtd.VtdStructures;
import java.lang.reflect.Field;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every structure that a format declares is listed, and so documented. */
final class ListedStructuresTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.nestwalk.vtd", "dev.nestwalk.smmu");

  /** Unions of the shapes that are listed one by one. */
  private static final Set<Structure> UNIONS =
      Set.of(
          Stage1Descriptor.STRUCTURE,
          Stage1Descriptor.AT_LEVEL_3,
          Stage2Descriptor.STRUCTURE,
          Stage2Descriptor.AT_LEVEL_3);

  static List<Arguments> formats() {
    return List.of(
        Arguments.of("dev.nestwalk.vtd", VtdStructures.ALL),
        Arguments.of("dev.nestwalk.smmu", SmmuStructures.ALL));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("formats")
  void everyDeclaredStructureIsListed(String name, List<Listing> listings)
      throws ReflectiveOperationException {
    Set<Structure> declared = new LinkedHashSet<>();
    for (JavaField field : CLASSES.stream().flatMap(one -> one.getFields().stream()).toList()) {
      boolean here = field.getOwner().getPackageName().equals(name);
      if (here && field.getRawType().isEquivalentTo(Structure.class)) {
        Field structure = field.reflect();
        structure.setAccessible(true);
        declared.add((Structure) structure.get(null));
      }
    }
    assertFalse(declared.isEmpty(), name);
    declared.removeAll(UNIONS);
    Set<Structure> listed = new LinkedHashSet<>();
    listings.forEach(listing -> listed.add(listing.structure()));
    assertEquals(declared, listed);
  }
}
