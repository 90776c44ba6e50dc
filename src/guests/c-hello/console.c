#include "console.h"
#include "types.h"

enum { COM1 = 0x3f8, LINE_CONTROL = COM1 + 3, LINE_STATUS = COM1 + 5, TRANSMITTER_EMPTY = 1 << 5 };

static void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

void console_init(void) {
  out8(LINE_CONTROL, 0x80); /* DLAB: the next two ports are the divisor */
  out8(COM1, 1);
  out8(COM1 + 1, 0);
  out8(LINE_CONTROL, 3); /* 8 data bits, no parity, one stop bit */
}

void put_character(char character) {
  while ((in8(LINE_STATUS) & TRANSMITTER_EMPTY) == 0) {
  }
  out8(COM1, (uint8_t)character);
}

struct field {
  unsigned width;
  char pad;
  int wide;
};

static void put_padded(const char *text, size_t length, struct field field) {
  for (size_t i = length; i < field.width; i++) put_character(field.pad);
  while (length-- > 0) put_character(*text++);
}

static void put_number(uint64_t value, int negative, unsigned base, struct field field) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  if (negative) digits[--at] = '-';
  put_padded(digits + at, sizeof digits - at, field);
}

static void put_text(const char *text, struct field field) {
  size_t length = 0;
  while (text[length] != 0) length++;
  put_padded(text, length, field);
}

static const char *parse_field(const char *format, struct field *field) {
  *field = (struct field){.width = 0, .pad = ' ', .wide = 0};
  if (*format == '0') field->pad = *format++;
  while (*format >= '0' && *format <= '9') field->width = 10 * field->width + (unsigned)(*format++ - '0');
  if (*format == 'l') {
    field->wide = 1;
    format++;
  }
  return format;
}

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (; *format != 0; format++) {
    if (*format != '%') {
      put_character(*format);
      continue;
    }
    struct field field;
    format = parse_field(format + 1, &field);
    switch (*format) {
      case 'c':
        put_character((char)va_arg(arguments, int));
        break;
      case 's':
        put_text(va_arg(arguments, const char *), field);
        break;
      case 'd': {
        int64_t value = field.wide ? va_arg(arguments, long) : va_arg(arguments, int);
        put_number(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10, field);
        break;
      }
      case 'u':
      case 'x': {
        uint64_t value = field.wide ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
        put_number(value, 0, *format == 'x' ? 16 : 10, field);
        break;
      }
      default:
        put_character(*format);
    }
  }
  va_end(arguments);
}
