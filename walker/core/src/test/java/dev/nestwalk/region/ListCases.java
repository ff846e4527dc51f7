package dev.nestwalk.region;

import static dev.nestwalk.region.World.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.acpi.DmarTable;
import dev.nestwalk.acpi.IortTable;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.acpi.VirtioProbe;
import java.util.List;

/** Conformance groups Q, T and V. */
final class ListCases {

  private static final AddressSet.Range ALL = FULL;

  /** Q: allowed identity ranges. */
  static void identity(Cases cases) {
    cases.add(
        "Q01",
        "without regions the whole window is identity",
        w -> assertEquals("1000-ffff", identity(List.of(), range(0x1000, 0xffff))));
    cases.add(
        "Q02",
        "an AMD host leaves three ranges",
        w -> {
          assertEquals("0-fedfffff fef00000-fcffffffff 10000000000-max", identity(AMD, ALL));
        });
    cases.add(
        "Q03",
        "a window of 39 bits ends the last range",
        w -> {
          assertEquals("0-fedfffff fef00000-7fffffffff", identity(X86, range(0, 0x7f_ffff_ffffL)));
        });
    cases.add(
        "Q04",
        "an Arm host leaves two ranges",
        w -> {
          assertEquals(
              "0-7ffffff 8100000-ffffffffffff", identity(ARM, range(0, 0xffff_ffff_ffffL)));
        });
    cases.add(
        "Q05",
        "relaxable regions count when they are asked for",
        w -> {
          List<Region> list = ReservedRegionsText.parse(Texts.sample("rr-intel-client.txt"));
          assertEquals("0-fedfffff fef00000-max", identity(list, ALL));
          assertEquals(
              "1000000-bdf6dfff bdf85000-fedfffff fef00000-max",
              text(AddressSet.allowedIdentity(list, ALL, 1, true)));
        });
    cases.add(
        "Q06",
        "a region of odd bytes takes whole pages away",
        w -> {
          List<Region> odd = List.of(region(0x1800, 0x27ff, RegionKind.RESERVED));
          assertEquals(
              "0-fff 3000-ffff",
              text(AddressSet.allowedIdentity(odd, range(0, 0xffff), PAGE, false)));
        });
    cases.add(
        "Q07",
        "regions that touch leave nothing between them",
        w -> {
          List<Region> touching =
              List.of(
                  region(0x1000, 0x1fff, RegionKind.RESERVED),
                  region(0x2000, 0x2fff, RegionKind.MSI));
          assertEquals("0-fff 3000-max", identity(touching, ALL));
        });
    cases.add(
        "Q08",
        "a region up to the last address ends the list",
        w -> {
          assertEquals("0-fff", identity(List.of(region(0x1000, UMAX, RegionKind.RESERVED)), ALL));
        });
    cases.add(
        "Q09",
        "mappings and allow lists do not count",
        w -> {
          Device d = w.device(X86);
          fixed(w.i, 0x10000, PAGE);
          w.i.allow(List.of(range(0x10000, 0x1ffff)));
          w.attach(d, w.paging(d, w.i));
          assertEquals("0-fedfffff fef00000-max", identity(d.regions(), ALL));
        });
    cases.add(
        "Q10",
        "a direct region is no identity range",
        w -> {
          List<Region> direct = List.of(region(0xbdf6_e000L, 0xbdf8_4fffL, RegionKind.DIRECT));
          assertEquals("0-bdf6dfff bdf85000-max", identity(direct, ALL));
        });
    cases.add(
        "Q11",
        "RAM around the software window is not safe, RAM above it is",
        w -> {
          assertFalse(isSafe(ARM, 0, 0x1000_0000L));
          assertTrue(isSafe(ARM, 0x4000_0000L, 0x4000_0000L));
        });
    cases.add(
        "Q12",
        "RAM across HyperTransport's range is not safe, RAM above it is",
        w -> {
          assertFalse(isSafe(AMD, 1L << 32, 1L << 40));
          assertTrue(isSafe(AMD, 0x100_0000_0000L, 1L << 40));
        });
  }

  private static String identity(List<Region> regions, AddressSet.Range window) {
    return text(AddressSet.allowedIdentity(regions, window, 1, false));
  }

  private static boolean isSafe(List<Region> regions, long first, long length) {
    for (AddressSet.Range range : AddressSet.allowedIdentity(regions, ALL, 1, false)) {
      if (Long.compareUnsigned(range.first(), first) <= 0
          && Long.compareUnsigned(first + length - 1, range.last()) <= 0) {
        return true;
      }
    }
    return false;
  }

  /** T: texts and tables. */
  static void texts(Cases cases) {
    cases.add(
        "T01",
        "sysfs texts are printed as they were read",
        w -> {
          for (String name : List.of("rr-intel-client", "rr-amd-server", "rr-arm-smmuv3")) {
            String text = Texts.sample(name + ".txt");
            assertEquals(text, ReservedRegionsText.print(ReservedRegionsText.parse(text)));
          }
        });
    cases.add(
        "T02",
        "direct regions that touch are printed as one",
        w -> {
          assertEquals(
              "0x0000000000001000 0x0000000000002fff direct\n",
              group(
                  region(0x1000, 0x1fff, RegionKind.DIRECT),
                  region(0x2000, 0x2fff, RegionKind.DIRECT)));
        });
    cases.add(
        "T03",
        "kinds are printed apart, in order",
        w -> {
          assertEquals(
              "0x0000000000001000 0x0000000000001fff direct\n"
                  + "0x0000000000001000 0x0000000000001fff direct-relaxable\n",
              group(
                  region(0x1000, 0x1fff, RegionKind.DIRECT_RELAXABLE),
                  region(0x1000, 0x1fff, RegionKind.DIRECT)));
        });
    cases.add(
        "T04",
        "software and hardware windows are both called msi",
        w -> {
          String line = "0x0000000008000000 0x00000000080fffff msi\n";
          assertEquals(
              line + line,
              group(region(0x800_0000, 0x80f_ffff, RegionKind.MSI), Region.ARM_SW_MSI));
        });
    cases.add(
        "T05",
        "regions are printed by address",
        w -> {
          assertEquals(
              "0x0000000000001000 0x0000000000001fff reserved\n"
                  + "0x0000000000003000 0x0000000000003fff reserved\n",
              group(
                  region(0x3000, 0x3fff, RegionKind.RESERVED),
                  region(0x1000, 0x1fff, RegionKind.RESERVED)));
        });
    cases.add(
        "T06",
        "regions of different kinds may overlap",
        w -> {
          assertEquals(
              "0x0000000000001000 0x0000000000004fff direct\n"
                  + "0x0000000000002000 0x0000000000002fff msi\n",
              group(
                  region(0x1000, 0x4fff, RegionKind.DIRECT),
                  region(0x2000, 0x2fff, RegionKind.MSI)));
        });
    cases.add(
        "T07",
        "an empty text has no regions",
        w -> assertEquals(List.of(), ReservedRegionsText.parse("")));
    cases.add(
        "T08",
        "bad lines are refused with their number",
        w -> {
          for (String bad : List.of("0x2000 0x1fff direct", "0x0 0x1 foo", "0 1 msi")) {
            assertTrue(Texts.refusal(bad).startsWith("line 2"), bad);
          }
        });
    cases.add(
        "T09",
        "tables of a client, a server and Arm machines are read",
        w -> {
          assertEquals(2, DmarTable.parse(Texts.bytes("dmar-client.bin")).regions().size());
          assertEquals(4, DmarTable.parse(Texts.bytes("dmar-server.bin")).regions().size());
          assertEquals(39, DmarTable.parse(Texts.bytes("dmar-client.bin")).hostAddressWidth());
          IortTable simple = IortTable.parse(Texts.bytes("iort-simple.bin"));
          assertEquals(
              List.of(Region.ARM_SW_MSI, region(0x8_e000_0000L, 0x8_e01f_ffffL, RegionKind.DIRECT)),
              simple.regionsOf(simple.streamOf(0, 0x200), true));
          assertEquals(4, IortTable.parse(Texts.bytes("iort-awkward.bin")).warnings().size());
        });
    cases.add(
        "T10",
        "a wrong checksum is refused",
        w -> {
          byte[] bad = Texts.bytes("dmar-client.bin");
          bad[60] ^= 1;
          assertTrue(Texts.refusal(bad).contains("checksum"));
        });
    cases.add(
        "T11",
        "tables that are cut or have a structure without length are refused with the offset",
        w -> {
          byte[] bad = Texts.bytes("dmar-client.bin");
          assertTrue(Texts.refusal(java.util.Arrays.copyOf(bad, 100)).startsWith("offset"));
          bad[9] += bad[50];
          bad[50] = 0;
          assertTrue(Texts.refusal(bad).startsWith("offset 48"));
        });
    cases.add(
        "T12",
        "a length beyond the table is refused with its offset",
        w -> {
          byte[] bad = Texts.bytes("dmar-client.bin");
          bad[5] = 4;
          assertTrue(Texts.refusal(bad).startsWith("offset 4"));
        });
    cases.add(
        "T13",
        "an RMRR that ends below its base is dropped with a warning",
        w -> {
          byte[] bad = Texts.bytes("dmar-client.bin");
          // The first RMRR's last byte, below its base.
          for (int at = 120; at < 128; at++) {
            bad[9] += bad[at];
            bad[at] = 0;
          }
          DmarTable table = DmarTable.parse(bad);
          assertEquals(1, table.regions().size());
          assertEquals(1, table.warnings().size());
        });
    cases.add(
        "T14",
        "a region of a bridge holds for what is below it",
        w -> {
          DmarTable table = DmarTable.parse(Texts.bytes("dmar-server.bin"));
          DmarTable.Function below = new DmarTable.Function(0, 0x82, 0, 0);
          assertEquals(
              region(0x7b00_0000L, 0x7b7f_ffffL, RegionKind.DIRECT),
              table.regionsOf(below, 0x010802, Texts.SERVER_BUSES).get(0));
        });
    cases.add(
        "T15",
        "RMRs of an old revision are ignored",
        w -> {
          byte[] old = Texts.bytes("iort-simple.bin");
          old[9] = (byte) (old[9] + old[8] - 3);
          old[8] = 3;
          assertEquals(List.of(), IortTable.parse(old).rmrs());
        });
    cases.add(
        "T16",
        "RMRs are ignored where numbering is not preserved",
        w -> {
          IortTable simple = IortTable.parse(Texts.bytes("iort-simple.bin"));
          assertEquals(
              List.of(Region.ARM_SW_MSI), simple.regionsOf(simple.streamOf(0, 0x200), false));
        });
    cases.add(
        "T17",
        "an RMR holds for the streams of its mapping, the last included",
        w -> {
          IortTable simple = IortTable.parse(Texts.bytes("iort-simple.bin"));
          assertEquals(3, simple.regionsOf(simple.streamOf(0, 0x307), true).size());
          assertEquals(1, simple.regionsOf(simple.streamOf(0, 0x308), true).size());
        });
    cases.add(
        "T18",
        "probes that wrap, end below their start or are cut are refused, others tell their kind",
        w -> {
          refused(Errno.EOVERFLOW, () -> VirtioProbe.parse(Texts.property(20, 0, 0, UMAX)));
          refused(Errno.EOVERFLOW, () -> VirtioProbe.parse(Texts.property(20, 0, 0x2000, 0x1fff)));
          refused(Errno.EINVAL, () -> VirtioProbe.parse(Texts.property(16, 0, 0, 0xfff)));
          VirtioProbe odd = VirtioProbe.parse(Texts.property(20, 9, 0x1000, 0x1fff));
          assertEquals(region(0x1000, 0x1fff, RegionKind.RESERVED), odd.regions().get(0));
          assertEquals(1, odd.warnings().size());
          assertEquals(Region.ARM_SW_MSI, odd.regions().get(1));
        });
  }

  private static String group(Region... regions) {
    RegionList list = new RegionList();
    for (Region region : regions) {
      list.add(region);
    }
    return ReservedRegionsText.print(list.regions());
  }

  private static final List<String> OVERRIDES =
      List.of(
          "overrides apart keep both lists",
          "an override of the same range takes its place",
          "an override within a range splits it",
          "an override over several takes their place",
          "an override behind all is added");

  /** V: inversion and typed override. */
  static void inversion(Cases cases) {
    long top = 0xffff_ffff_ffffL;
    inverse(
        cases,
        "V01",
        "the complement of the upper part is the lower",
        "0-ffff",
        0,
        UMAX,
        0x10000,
        UMAX);
    inverse(
        cases,
        "V02",
        "the complement of a middle part are both ends",
        "0-ffff 1000000000000-max",
        0,
        UMAX,
        0x10000,
        top);
    inverse(
        cases,
        "V03",
        "regions at the start that touch leave the rest",
        "30000-max",
        0,
        UMAX,
        0,
        0xffff,
        0x10000,
        0x2ffff);
    inverse(
        cases,
        "V04",
        "regions in the middle that touch leave both ends",
        "0-4ffff 1000000000000-max",
        0,
        UMAX,
        0x50000,
        0x5ffff,
        0x60000,
        top);
    inverse(cases, "V05", "the complement of everything is nothing", "", 0, UMAX, 0, UMAX);
    inverse(
        cases,
        "V06",
        "between several regions and at the start ranges are left",
        "0-ffff 20000-2ffff 70000-8ffff",
        0,
        UMAX,
        0x10000,
        0x1ffff,
        0x30000,
        0x6ffff,
        0x90000,
        UMAX);
    inverse(
        cases,
        "V07",
        "a window cuts what is left at both its ends",
        "30000-ffffffffffff",
        0x20000,
        top,
        0,
        0xffff,
        0x20000,
        0x2ffff,
        0x1_0000_0000_0000L,
        UMAX);
    inverse(
        cases,
        "V08",
        "a window with several regions leaves what is between",
        "1000-1fff 10000-1ffff 30000-ffffffff 200000000-ffffffffffff",
        0x1000,
        top,
        0x2000,
        0xffff,
        0x20000,
        0x2ffff,
        0x1_0000_0000L,
        0x1_ffff_ffffL);
    inverse(
        cases,
        "V09",
        "regions beyond the window do not count",
        "0-ffff",
        0,
        0xffff,
        0x1000_0000L,
        0x1fff_ffffL,
        1L << 32,
        0x1_ffff_ffffL);
    for (int step = 1; step <= 5; step++) {
      int steps = step;
      int expected = new int[] {4, 4, 6, 3, 4}[step - 1];
      cases.add(
          "V1" + (step - 1),
          OVERRIDES.get(step - 1),
          w -> assertEquals(expected, overridden(steps)));
    }
  }

  private static void inverse(
      Cases cases,
      String id,
      String sentence,
      String expected,
      long low,
      long high,
      long... bounds) {
    cases.add(
        id,
        sentence,
        w -> {
          List<Region> regions = new java.util.ArrayList<>();
          for (int n = 0; n < bounds.length; n += 2) {
            regions.add(region(bounds[n], bounds[n + 1], RegionKind.RESERVED));
          }
          assertEquals(expected, text(AddressSet.of(regions).complement(range(low, high), 1)));
        });
  }

  private static int overridden(int steps) {
    OverrideList<String> list =
        new OverrideList<String>().insert("A", 0, 0xffff).insert("A", 0x20000, 0x2ffff);
    list.insert("B", 0, 0xfff).insert("C", 0x21000, 0x2ffff);
    if (steps > 1) {
      list.insert("D", 0x21000, 0x2ffff);
    }
    if (steps > 2) {
      list.insert("E", 0x22000, 0x23fff);
    }
    if (steps > 3) {
      list.insert("F", 0x10000, 0x2ffff);
    }
    if (steps > 4) {
      list.insert("0", 0x30000, 0x40000);
    }
    return list.entries().size();
  }

  private ListCases() {}
}
