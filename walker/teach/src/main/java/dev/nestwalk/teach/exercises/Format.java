package dev.nestwalk.teach.exercises;

/** The table format that an exercise is about. */
public enum Format {
  /** Intel VT-d. */
  VTD("VT-d", "vtd"),
  /** Arm SMMUv3. */
  SMMUV3("SMMUv3", "smmuv3");

  private final String title;
  private final String id;

  Format(String title, String id) {
    this.title = title;
    this.id = id;
  }

  /** The name in text. */
  public String title() {
    return title;
  }

  /** The name in options. */
  public String id() {
    return id;
  }
}
