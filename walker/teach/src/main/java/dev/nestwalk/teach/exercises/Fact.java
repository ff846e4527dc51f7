package dev.nestwalk.teach.exercises;

/**
 * Something that a question gives.
 *
 * @param name what it is, by the specification's name where it has one
 * @param value the number
 * @param shown the number as the sheet prints it
 */
public record Fact(String name, long value, String shown) {}
