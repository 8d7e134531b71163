"""Arm's PrimeCell UART (PL011, Arm DDI 0183) and the parts that have one."""

from __future__ import annotations

from collections.abc import Mapping

from silicon.chip import Chip


class Pl011(Chip):
    """Serial port of the PL011 kind, its registers called UART_*."""

    uart: int
    clocks: Mapping[int, str]

    _UART = {
        0x00: "DR", 0x04: "RSR", 0x18: "FR", 0x24: "IBRD", 0x28: "FBRD", 0x2C: "LCR_H", 0x30: "CR", 0x34: "IFLS",
        0x38: "IMSC", 0x3C: "RIS", 0x40: "MIS", 0x44: "ICR",
    }  # fmt: skip

    @property
    def registers(self) -> Mapping[int, str]:  # type: ignore[override]
        return {**self.clocks, **{self.uart + at: f"UART_{name}" for at, name in self._UART.items()}}

    def core_hz(self) -> float:
        raise NotImplementedError

    def serial_hz(self) -> float:
        return self.core_hz()

    def serial_runs(self) -> bool:
        raise NotImplementedError

    def baud(self) -> float:
        assert self.values["UART_LCR_H"] & 0x7F == 0x70, "8 bits, no parity, one stop bit, FIFO"
        return self.serial_hz() / (16 * (self.values["UART_IBRD"] + self.values["UART_FBRD"] / 64))

    def written(self, name: str, value: int) -> None:
        if not name.startswith("UART"):
            return super().written(name, value)
        assert self.serial_runs(), f"{name} is written while the port has no clock"
        on = self.values.get("UART_CR", 0) & 1
        if name == "UART_DR":
            assert on and self.values["UART_CR"] >> 8 & 1, "the transmitter is off"
            self.sent.append(value & 0xFF)
            return None
        if name in ("UART_IBRD", "UART_FBRD", "UART_LCR_H"):
            assert not on, f"{name} may change only while the port is off"
            if name != "UART_LCR_H":
                self.values.pop("UART_LCR_H", None)  # only a write to LCR_H lets the divisor through
        if name == "UART_ICR" and value & 0x50:
            # Who reads the FIFO next may clear: what has come is asked for once (QEMU's fills while the port is off).
            is_read = self.values.get("UART_IMSC", 0) & 0x50
            assert is_read or not self.values.get("UART_LCR_H", 0) & 0x10, "nobody is told what is in the FIFO"
        self.values[name] = value
        return None

    def read(self, name: str) -> int:
        if name == "UART_FR":
            return 0x80 | (0 if self.waiting else 0x10)
        if name == "UART_DR":
            return self.waiting.pop(0)
        return super().read(name)

    def serial_interrupt(self) -> bool:
        on = self.values.get("UART_CR", 0) & 0x201 == 0x201
        return on and self.values.get("UART_IMSC", 0) & 0x50 == 0x50  # FIFO level and silence


class Stellaris(Pl011):
    """LM3S6965 (data sheet ch. 5): crystal 8 MHz, PLL 400 MHz, halved before the divider."""

    memory = {0x00000000: 256 << 10, 0x20000000: 64 << 10}
    uart, irq = 0x4000C000, 5
    clocks = {
        0x400FE050: "RIS",
        0x400FE060: "RCC",
        0x400FE070: "RCC2",
        0x400FE104: "RCGC1",
        0x400FE108: "RCGC2",
        0x40004400: "PORTA_DIR",
        0x40004420: "PORTA_AFSEL",
        0x4000451C: "PORTA_DEN",
        **{0x40004000 + 4 * (1 << bit): f"PORTA_DATA{bit}" for bit in range(8)},
    }
    reset = {"RCC": 0x078E3AD1, "RCC2": 0x07802810}
    crystal, crystal_hz, most_hz = 0xE, 8e6, 50e6
    has_div400 = False

    def core_hz(self) -> float:
        setting, second = self.values["RCC"], self.values["RCC2"]
        assert second >> 31, "RCC2 rules"
        if second >> 11 & 1:  # bypass
            return self.crystal_hz if second >> 4 & 7 == 0 else 12e6
        assert not second >> 13 & 1, "the PLL is off"
        assert not setting & 1, "the main oscillator is off"
        assert setting >> 6 & 0x1F == self.crystal, "RCC.XTAL does not name the board's crystal"
        assert setting >> 22 & 1, "the divider is not used"
        if second >> 30 & 1:
            assert self.has_div400, "LM3S has no DIV400"
            return 400e6 / ((second >> 22 & 127) + 1)
        return 200e6 / ((second >> 23 & 63) + 1)

    def written(self, name: str, value: int) -> None:
        if name.startswith("PORTA"):
            assert self.values.get("RCGC2", 0) & 1, "port A has no clock"
        if name.startswith("PORTA_DATA"):
            self.pins_driven("", 1 << int(name[10:]), value != 0)
        super().written(name, value)
        if name == "RCC2" and not value >> 11 & 1:
            assert self.core_hz() <= self.most_hz

    def read(self, name: str) -> int:
        if name == "RIS":
            return 0 if self.values["RCC2"] >> 13 & 1 else 1 << 6
        return super().read(name)

    def is_output(self, port: str, bit: int) -> bool:
        return bool((self.values.get("PORTA_DIR", 0) & self.values.get("PORTA_DEN", 0)) >> bit & 1)

    def serial_runs(self) -> bool:
        return bool(self.values.get("RCGC1", 0) & 1)

    def pins_lead_out(self) -> bool:
        return self.values.get("PORTA_AFSEL", 0) & 3 == 3 == self.values.get("PORTA_DEN", 0) & 3


class Tiva(Stellaris):
    """TM4C123GH6PM (SPMS376E): crystal 16 MHz, DIV400; pins have a multiplexer (PCTL, 1 is UART0)."""

    memory = {0x00000000: 256 << 10, 0x20000000: 32 << 10}
    clocks = {**Stellaris.clocks, 0x4000452C: "PORTA_PCTL"}
    reset = {"RCC": 0x07AE3AD1, "RCC2": 0x07C06810}
    crystal, crystal_hz, most_hz = 0x15, 16e6, 80e6
    has_div400 = True

    def pins_lead_out(self) -> bool:
        return super().pins_lead_out() and self.values.get("PORTA_PCTL", 0) & 0xFF == 0x11


class Rp2040(Pl011):
    """RP2040 data sheet: RESETS 2.14, CLOCKS 2.15, XOSC 2.16, PLL 2.18, IO 2.19; Pico data sheet: GP0, GP1."""

    memory = {0x10000000: 2 << 20, 0x20000000: 264 << 10}
    windows = {**Chip.windows, 0x18000000: 0x1000, 0xD0000000: 0x1000}
    uart, irq = 0x40034000, 20
    clocks = {
        0x4000C000: "RESETS_RESET",
        0x4000C008: "RESETS_DONE",
        0x40024000: "XOSC_CTRL",
        0x40024004: "XOSC_STATUS",
        0x4002400C: "XOSC_STARTUP",
        0x40028000: "PLL_CS",
        0x40028004: "PLL_PWR",
        0x40028008: "PLL_FBDIV",
        0x4002800C: "PLL_PRIM",
        0x40008030: "CLK_REF_CTRL",
        0x40008038: "CLK_REF_SELECTED",
        0x4000803C: "CLK_SYS_CTRL",
        0x40008044: "CLK_SYS_SELECTED",
        0x40008048: "CLK_PERI_CTRL",
        **{0x40014004 + 8 * pin: f"GPIO{pin}_CTRL" for pin in range(30)},
        **{0x4001C004 + 4 * pin: f"PAD{pin}" for pin in range(30)},
        0xD0000014: "SIO_SET",
        0xD0000018: "SIO_CLR",
        0xD0000024: "SIO_OE_SET",
        **{0x40020004 + 4 * i: f"PADS_QSPI{i}" for i in range(6)},
        **{0x18000000 + at: f"SSI_{at:02X}" for at in (0x00, 0x04, 0x08, 0x14, 0x28, 0x60, 0xF0, 0xF4)},
    }
    reset = {
        "RESETS_RESET": 0x01FFFFFF, "PLL_PWR": 0x2D, "PLL_PRIM": 0x77000, "PLL_CS": 1,
        **{f"PAD{pin}": 0x56 for pin in range(30)}, **{f"GPIO{pin}_CTRL": 0x1F for pin in range(30)},
    }  # fmt: skip
    bits = {"io": 5, "pads": 8, "pll": 12, "uart": 22}
    most_hz = 133e6
    isolated = 0

    def find_vectors(self) -> int:
        return 0x10000100

    def start(self) -> int:
        """Data sheet 2.8.1.3: the ROM checks 252 bytes by CRC-32, and runs them at the end of the RAM."""
        stage = self.bytes(0x10000000, 256)
        crc = 0xFFFFFFFF
        for byte in stage[:252]:
            crc ^= byte << 24
            for _ in range(8):
                crc = crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)
                crc &= 0xFFFFFFFF
        told = int.from_bytes(stage[252:], "little")
        assert told == crc, f"the second boot stage must end with the word {crc:#010x}"
        self.write(0x20041F00, stage)
        return 0x20041F01

    def _released(self, block: str) -> bool:
        return not self.values["RESETS_RESET"] >> self.bits[block] & 1

    def pll_hz(self) -> float:
        assert self.values["XOSC_CTRL"] == 0xFABAA0, "the crystal is off"
        assert self._released("pll") and not self.values["PLL_PWR"] & 0x29, "the PLL is not all on"
        reference = 12e6 / (self.values["PLL_CS"] & 63)
        vco = reference * self.values["PLL_FBDIV"]
        assert reference >= 5e6 and 750e6 <= vco <= 1600e6 and 16 <= self.values["PLL_FBDIV"] <= 320
        first, second = self.values["PLL_PRIM"] >> 16 & 7, self.values["PLL_PRIM"] >> 12 & 7
        assert first >= second >= 1
        return vco / first / second

    def core_hz(self) -> float:
        control = self.values.get("CLK_SYS_CTRL", 0)
        return self.pll_hz() if control & 1 and not control >> 5 & 7 else 12e6

    def is_output(self, port: str, bit: int) -> bool:
        return self.values.get("SIO_OE_SET", 0) >> bit & 1 == 1 and self.values[f"GPIO{bit}_CTRL"] & 31 == 5

    def serial_runs(self) -> bool:
        control = self.values.get("CLK_PERI_CTRL", 0)
        return bool(control >> 11 & 1) and control >> 5 & 7 == 0 and self._released("uart")

    def pins_lead_out(self) -> bool:
        pads = [self.values[f"PAD{pin}"] for pin in (0, 1)]
        functions = [self.values[f"GPIO{pin}_CTRL"] & 31 for pin in (0, 1)]
        return functions == [2, 2] and pads[1] >> 6 & 1 == 1 and not any(pad & (0x80 | self.isolated) for pad in pads)

    def written(self, name: str, value: int) -> None:
        if name.endswith("_CTRL") and name.startswith("GPIO"):
            assert self._released("io"), "IO_BANK0 is in reset"
        if name.startswith("PAD") and "QSPI" not in name:
            assert self._released("pads"), "PADS_BANK0 is in reset"
        if name == "CLK_SYS_CTRL":
            before = self.values.get(name, 0)
            assert not (before & 1 and (before ^ value) >> 5 & 7), "the auxiliary source changes while it is used"
        if name.startswith("SSI") and name not in ("SSI_08", "SSI_60"):
            assert not self.values.get("SSI_08", 0), "SSI changes while it is on"
        if name == "SIO_OE_SET":
            value |= self.values.get(name, 0)
        if name in ("SIO_SET", "SIO_CLR"):
            high = self.values.get("SIO_OUT", 0)
            self.values["SIO_OUT"] = high | value if name == "SIO_SET" else high & ~value
            self.pins_driven("", value, name == "SIO_SET")
            return
        super().written(name, value)
        if name == "CLK_SYS_CTRL" and value & 1:
            assert self.core_hz() <= self.most_hz

    def read(self, name: str) -> int:
        if name == "RESETS_DONE":
            return ~self.values["RESETS_RESET"] & 0x1FFFFFFF
        if name == "XOSC_STATUS":
            return (self.values.get("XOSC_CTRL", 0) >> 12 == 0xFAB) << 31
        if name == "PLL_CS":
            return self.values["PLL_CS"] | (not self.values["PLL_PWR"] & 0x21) << 31
        if name == "CLK_REF_SELECTED":
            return 1 << (self.values.get("CLK_REF_CTRL", 0) & 3)
        if name == "SSI_28":  # transmit FIFO empty, not busy
            return 4
        if name == "SSI_60":  # what the flash answers: status register 2 with QE set
            return 2
        if name == "CLK_SYS_SELECTED":
            return 1 << (self.values.get("CLK_SYS_CTRL", 0) & 1)
        return super().read(name)


class Rp2350(Rp2040):
    """RP2350 data sheet: RESETS 7.5, CLOCKS 8.1, XOSC 8.2, PLL 8.6, IO ch. 9, SIO 3.1; Pico 2 data sheet."""

    memory = {0x10000000: 4 << 20, 0x20000000: 520 << 10}
    uart, irq = 0x40070000, 33
    clocks = {
        0x40020000: "RESETS_RESET",
        0x40020008: "RESETS_DONE",
        0x40048000: "XOSC_CTRL",
        0x40048004: "XOSC_STATUS",
        0x4004800C: "XOSC_STARTUP",
        0x40050000: "PLL_CS",
        0x40050004: "PLL_PWR",
        0x40050008: "PLL_FBDIV",
        0x4005000C: "PLL_PRIM",
        0x40010030: "CLK_REF_CTRL",
        0x40010038: "CLK_REF_SELECTED",
        0x4001003C: "CLK_SYS_CTRL",
        0x40010044: "CLK_SYS_SELECTED",
        0x40010048: "CLK_PERI_CTRL",
        **{0x40028004 + 8 * pin: f"GPIO{pin}_CTRL" for pin in range(30)},
        **{0x40038004 + 4 * pin: f"PAD{pin}" for pin in range(30)},
        0xD0000018: "SIO_SET",
        0xD0000020: "SIO_CLR",
        0xD0000038: "SIO_OE_SET",
    }
    reset = {**Rp2040.reset, "RESETS_RESET": 0x1FFFFFFF, **{f"PAD{pin}": 0x116 for pin in range(30)}}
    bits = {"io": 6, "pads": 9, "pll": 14, "uart": 26}
    most_hz = 150e6
    isolated = 0x100

    def find_vectors(self) -> int:
        return 0x10000000

    def start(self) -> int:
        """Data sheet 5.9.5: a block in the first 4 KiB; without a vector table item it is at the start."""
        block = bytes.fromhex("d3deffff 42012110 ff010000 00000000 793512ab")
        assert block in self.bytes(0x10000000, 4096), "no image definition"
        return Chip.start(self)


class Apollo3(Pl011):
    """Apollo3 Blue data sheet; its EVB: UART0 at pads 22, 23, the boot loader below C000h."""

    memory = {0x00000000: 1 << 20, 0x10000000: 384 << 10}
    uart, irq = 0x4001C000, 15
    clocks = {
        0x40004014: "CLKGEN_CLKKEY",
        0x40004018: "CLKGEN_CCTRL",
        0x40010014: "GPIO_PADREGF",
        0x40010060: "GPIO_PADKEY",
        0x40018000: "CACHECTRL_CACHECFG",
        0x40021008: "PWRCTRL_DEVPWREN",
        0x40021018: "PWRCTRL_DEVPWRSTATUS",
    }
    reset = {"CLKGEN_CCTRL": 1, "GPIO_PADREGF": 0x18180202, "CACHECTRL_CACHECFG": 0x00100C50}

    def find_vectors(self) -> int:
        return 0xC000

    def core_hz(self) -> float:
        return 24e6 if self.values["CLKGEN_CCTRL"] & 1 else 48e6

    def serial_hz(self) -> float:
        control = self.values["UART_CR"]
        assert control >> 3 & 1, "CR.CLKEN is off"
        return {1: 24e6, 2: 12e6, 3: 6e6, 4: 3e6}[control >> 4 & 7]

    def serial_runs(self) -> bool:
        return bool(self.values.get("PWRCTRL_DEVPWREN", 0) >> 7 & 1)

    def pins_lead_out(self) -> bool:
        pads = self.values["GPIO_PADREGF"]
        return pads >> 19 & 7 == 0 == pads >> 27 & 7 and pads >> 24 & 3 == 3

    def written(self, name: str, value: int) -> None:
        if name == "CLKGEN_CCTRL":
            assert self.values.get("CLKGEN_CLKKEY") == 0x47, "CCTRL is locked"
        if name.startswith("GPIO_PADREG"):
            assert self.values.get("GPIO_PADKEY") == 0x73, "the pads are locked"
            assert value & 0xFFFF == 0x0202, "pads 20 and 21 are the debug port"
        super().written(name, value)

    def read(self, name: str) -> int:
        if name == "PWRCTRL_DEVPWRSTATUS":
            return 3 | (self.values.get("PWRCTRL_DEVPWREN", 0) >> 7 & 1) << 2
        return super().read(name)
