package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Entry of the page request queue (VT-d 7.4.1), 256 bits. */
public final class PageRequest {
  /** Type of an entry that asks for a page. */
  public static final int TYPE_PAGE = 1;

  /** Type. */
  public static final Field TYPE = Field.of("TYPE", 7, 0, "1 page request");

  /** PASID present. */
  public static final Field PP = Field.bit("PP", 8, "the request has a PASID");

  /** Requester. */
  public static final Field RID = Field.of("RID", 31, 16, "requester id");

  /** PASID. */
  public static final Field PASID = Field.of("PASID", 51, 32, "PASID, valid with PP");

  /** Execute. */
  public static final Field EXE = Field.bit("EXE", 52, "execute requested");

  /** Privileged. */
  public static final Field PRIV = Field.bit("PRIV", 53, "privileged access requested");

  /** Read. */
  public static final Field RD = Field.bit("RD", 64, "read requested");

  /** Write. */
  public static final Field WR = Field.bit("WR", 65, "write requested");

  /** Last of a group. */
  public static final Field LPIG = Field.bit("LPIG", 66, "last page of the group, to be answered");

  /** Group. */
  public static final Field PRGI = Field.of("PRGI", 75, 67, "page request group");

  /** Page. */
  public static final Field ADDR = Field.of("ADDR", 127, 76, "page address");

  /** The entry; its upper half is private data of the device, here 0. */
  public static final Structure STRUCTURE =
      Structure.of(
          "Page Request Descriptor",
          "VT-d 7.4.1",
          4,
          TYPE,
          PP,
          RID,
          PASID,
          EXE,
          PRIV,
          RD,
          WR,
          LPIG,
          PRGI,
          ADDR);

  private PageRequest() {}
}
