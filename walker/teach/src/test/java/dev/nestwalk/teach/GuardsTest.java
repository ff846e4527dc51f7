package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The effective reserved sets that guard a walk: at the input, and between the stages. */
class GuardsTest {
  private static final int NONE = -1;
  private static final Region HOLE = new Region(0x10_0000, 0x1f_ffff, RegionKind.RESERVED);
  private static final Region DIRECT = new Region(0x40_0000, 0x4f_ffff, RegionKind.DIRECT);

  @TempDir Path folder;

  private Guards given() throws IOException {
    Path file = folder.resolve("regions.txt");
    Files.writeString(
        file,
        """
        0x0000000000100000 0x00000000001fffff reserved
        0x0000000000400000 0x00000000004fffff direct
        0x00000000fee00000 0x00000000feefffff msi
        """);
    return Guards.of(file, null);
  }

  @Test
  void theUsualRegionsAreThoseOfTheFormat() {
    Guard vtd = Guards.usual(true).guard(Policy.POSTED_V2, true, NONE, true);
    assertEquals(List.of(Region.X86_MSI), vtd.input().regions());
    assertEquals(List.of(Region.X86_MSI), vtd.intermediate().regions());
    Guard arm = Guards.usual(false).guard(Policy.POSTED_V2, false, NONE, true);
    assertEquals(List.of(), arm.input().regions(), "the guest maps doorbells where it likes");
    assertEquals(List.of(Region.ARM_SW_MSI), arm.intermediate().regions());
  }

  @Test
  void withoutASetupThePolicyIsTheDefaultOne() throws IOException {
    assertEquals(Policy.PARENT_OPT_IN, given().policy());
    assertEquals(Policy.PARENT_OPT_IN, Guards.usual(true).policy());
    Path setup = Scenarios.fixtures().resolve("regions/vtd-nested.json");
    assertEquals(Setup.policyOf(setup, Setup.read(setup)), Guards.of(setup, null).policy());
  }

  /** Holes bind at the input; what a policy takes in on a nested attach binds below, too. */
  @Test
  void eachPolicyHasItsSetBetweenTheStages() throws IOException {
    List<Region> input = List.of(HOLE, Region.X86_MSI);
    List<Region> all = List.of(HOLE, DIRECT, Region.X86_MSI);
    for (Policy policy : Policy.all()) {
      if (!policy.refusesDirect()) {
        Guard nested = given().guard(policy, true, NONE, true);
        assertEquals(input, nested.input().regions(), policy.name());
        boolean takes = policy.entersWithNestedAttach(HOLE);
        assertEquals(takes ? all : List.of(), nested.intermediate().regions(), policy.name());
        assertEquals(policy.name(), nested.policy());
        Guard flat = given().guard(policy, true, NONE, false);
        assertEquals(input, flat.input().regions(), policy.name());
        assertEquals(List.of(), flat.intermediate().regions(), policy.name());
      }
    }
    Guards direct = given();
    assertThrows(InputException.class, () -> direct.guard(Policy.LINUX_7_2, true, NONE, true));
  }

  /** A VT-d table is attached to the PASID; a guest's substreams use the table of their stream. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void requestsWithPasidMeetNoRegionAtTheInput(boolean vtd) throws IOException {
    Guard guard = given().guard(Policy.POSTED_V2, vtd, 5, true);
    assertEquals(List.of(), guard.input().regions());
    List<Region> below = vtd ? List.of() : List.of(HOLE, DIRECT, Region.X86_MSI);
    assertEquals(below, guard.intermediate().regions());
  }

  @Test
  void aDeviceIsOfASetupAlone() throws IOException {
    Path file = folder.resolve("regions.txt");
    given();
    assertThrows(InputException.class, () -> Guards.of(file, "nic"));
  }
}
