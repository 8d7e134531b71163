"""Parts with serial ports of their own kinds: Nordic, NXP Kinetis, Silicon Labs."""

from __future__ import annotations

from collections.abc import Mapping

from silicon.chip import Chip


class Nrf(Chip):
    """nRF51 Reference Manual v3.0: CLOCK ch. 12, GPIO ch. 14, UART ch. 29; nRF52840 Product Specification v1.7."""

    memory = {0x00000000: 256 << 10, 0x20000000: 16 << 10}
    windows = {**Chip.windows, 0x10000000: 0x1000}
    transmit, receive = 24, 25  # micro:bit v1 schematic: TGT_TX, TGT_RX
    hz = 16e6
    irq = 2
    cache = False
    ports = 1

    _UART = {
        0x000: "STARTRX", 0x008: "STARTTX", 0x108: "RXDRDY", 0x11C: "TXDRDY", 0x304: "INTENSET", 0x308: "INTENCLR",
        0x480: "ERRORSRC", 0x500: "ENABLE", 0x508: "PSELRTS", 0x50C: "PSELTXD", 0x510: "PSELCTS", 0x514: "PSELRXD",
        0x518: "RXD", 0x51C: "TXD", 0x524: "BAUDRATE", 0x56C: "CONFIG",
    }  # fmt: skip
    # nRF51 Reference Manual 29.10.21 and nRF52840 6.33: the table of BAUDRATE.
    bauds = {0x01D7E000: 115200, 0x03AFB000: 230400, 0x075F7000: 460800, 0x0EBED000: 921600, 0x10000000: 1000000}

    @property
    def registers(self) -> Mapping[int, str]:  # type: ignore[override]
        found = {
            0x40000000: "CLOCK_HFCLKSTART",
            0x40000100: "CLOCK_HFCLKSTARTED",
            0x10000064: "FICR_DEVICEID1",
            0x10000068: "FICR_RESERVED",
            **{0x40002000 + at: f"UART_{name}" for at, name in self._UART.items()},
        }
        for port in range(self.ports):
            base = 0x50000000 + 0x300 * port
            found |= {base + 0x508: f"P{port}_OUTSET", base + 0x50C: f"P{port}_OUTCLR"}
            found |= {base + 0x700 + 4 * pin: f"P{port}_CNF{pin}" for pin in range(32)}
        if self.cache:
            found[0x4001E540] = "NVMC_ICACHECNF"
        return found

    def core_hz(self) -> float:
        assert self.values.get("CLOCK_HFCLKSTART"), "the crystal was not started"
        assert not self.cache or self.values.get("NVMC_ICACHECNF"), "the cache is off"
        return self.hz

    def baud(self) -> float:
        assert self.values.get("UART_CONFIG", 0) == 0 and self.values["UART_ENABLE"] == 4
        return self.bauds[self.values["UART_BAUDRATE"]]  # KeyError: a value that the manual does not list

    def pins_lead_out(self) -> bool:
        chosen = (self.values["UART_PSELTXD"], self.values["UART_PSELRXD"])
        flow = (self.values["UART_PSELRTS"], self.values["UART_PSELCTS"])
        transmit = self.values[f"P{self.transmit // 32}_CNF{self.transmit % 32}"] & 1
        receive = self.values[f"P{self.receive // 32}_CNF{self.receive % 32}"] & 3
        return (
            chosen == (self.transmit, self.receive)
            and flow == (0xFFFFFFFF, 0xFFFFFFFF)
            and (transmit, receive) == (1, 0)
            and bool(self.values[f"P{self.transmit // 32}_OUT"] >> self.transmit % 32 & 1)
        )

    def written(self, name: str, value: int) -> None:
        if name.endswith(("OUTSET", "OUTCLR")):
            out = name[:6]
            before = self.values.get(out, 0)
            self.values[out] = before | value if name.endswith("SET") else before & ~value
            if name[1] == "0":
                self.pins_driven("", value, name.endswith("SET"))
            return
        if name == "UART_TXD":
            assert self.values.get("UART_STARTTX"), "the transmitter was not started"
            self.sent.append(value & 0xFF)
            self.values["UART_TXDRDY"] = 1
            return
        if name.startswith("UART_PSEL"):
            assert not self.values.get("UART_ENABLE"), "pins may change only while the port is off"
        if name == "UART_INTENSET":
            value |= self.values.get(name, 0)
        super().written(name, value)

    def read(self, name: str) -> int:
        if name == "CLOCK_HFCLKSTARTED":
            return self.values.get("CLOCK_HFCLKSTART", 0)
        if name == "UART_RXDRDY":
            return 1 if self.waiting else 0
        if name == "UART_RXD":
            return self.waiting.pop(0)
        if name.startswith("FICR"):
            return 0xFFFFFFFF
        return super().read(name)

    def is_output(self, port: str, bit: int) -> bool:
        return self.values.get(f"P0_CNF{bit}", 0) & 1 == 1

    def serial_interrupt(self) -> bool:
        return bool(self.values.get("UART_STARTRX")) and bool(self.values.get("UART_INTENSET", 0) >> 2 & 1)


class Nrf52840Dk(Nrf):
    """nRF52840 DK User Guide: P0.06 transmits, P0.08 receives."""

    memory = {0x00000000: 1 << 20, 0x20000000: 256 << 10}
    transmit, receive = 6, 8
    hz = 64e6
    cache = True
    ports = 2


class Microbit2(Nrf52840Dk):
    """micro:bit v2 schematic, nRF52833: UART_INT_RX P0.06 (we transmit), UART_INT_TX P1.08 (we receive)."""

    memory = {0x00000000: 512 << 10, 0x20000000: 128 << 10}
    transmit, receive = 6, 40


class K64f(Chip):
    """K64P144M120SF5RM: WDOG ch. 23, MCG ch. 25, SIM ch. 12, UART ch. 52; FRDM-K64F: PTB16, PTB17, 50 MHz clock."""

    memory = {0x00000000: 1 << 20, 0x1FFF0000: 256 << 10}
    irq = 31
    registers = {
        0x40052000: "WDOG_STCTRLH",
        0x4005200E: "WDOG_UNLOCK",
        0x40048034: "SIM_SCGC4",
        0x40048038: "SIM_SCGC5",
        0x40048044: "SIM_CLKDIV1",
        **{0x40064000 + i: f"MCG_C{i + 1}" for i in range(6)},
        0x40064006: "MCG_S",
        **{0x4004A000 + 4 * pin: f"PORTB_PCR{pin}" for pin in range(32)},
        **{0x4004B000 + 4 * pin: f"PORTC_PCR{pin}" for pin in range(32)},
        0x400FF084: "GPIOC_PSOR",
        0x400FF088: "GPIOC_PCOR",
        0x400FF094: "GPIOC_PDDR",
        **{
            0x4006A000 + i: f"UART0_{name}"
            for i, name in enumerate(("BDH", "BDL", "C1", "C2", "S1", "S2", "C3", "D", "MA1", "MA2", "C4"))
        },
    }
    reset = {"WDOG_STCTRLH": 0x01D3, "MCG_C1": 4, "MCG_C2": 0x80, "SIM_CLKDIV1": 0x00010000}

    def _check_pll(self) -> float:
        assert self.values["MCG_C2"] >> 4 & 3 >= 1 and not self.values["MCG_C2"] >> 2 & 1, "a clock, no crystal"
        reference = 50e6 / ((self.values["MCG_C5"] & 31) + 1)
        assert 2e6 <= reference <= 4e6, "the PLL's input must be 2 to 4 MHz"
        return reference * ((self.values["MCG_C6"] & 31) + 24)

    def _mode(self) -> str:
        clock = self.values["MCG_C1"] >> 6
        pll = self.values.get("MCG_C6", 0) >> 6 & 1
        if clock == 2:
            return "PBE" if pll else "FBE"
        return "PEE" if pll else "FEI"

    def core_hz(self) -> float:
        source = {"FEI": lambda: 20971520.0, "FBE": lambda: 50e6, "PBE": lambda: 50e6, "PEE": self._check_pll}
        return source[self._mode()]() / ((self.values["SIM_CLKDIV1"] >> 28) + 1)

    def _flash_hz(self) -> float:
        return self.core_hz() * ((self.values["SIM_CLKDIV1"] >> 28) + 1) / ((self.values["SIM_CLKDIV1"] >> 16 & 15) + 1)

    def baud(self) -> float:
        divisor = (self.values["UART0_BDH"] & 31) << 8 | self.values["UART0_BDL"]
        return self.core_hz() / (16 * (divisor + (self.values["UART0_C4"] & 31) / 32))

    def pins_lead_out(self) -> bool:
        return all(self.values.get(f"PORTB_PCR{pin}", 0) >> 8 & 7 == 3 for pin in (16, 17))

    def written(self, name: str, value: int) -> None:
        if name == "WDOG_UNLOCK":
            self.values["unlocked"] = {0xC520: 1, 0xD928: 2 * (self.values.get("unlocked", 0) == 1)}[value]
            return
        if name == "WDOG_STCTRLH":
            assert self.values.get("unlocked") == 2, "the watchdog is locked"
            assert value & 1 == 0, "the watchdog is left on"
        if name == "MCG_C1" and value >> 6 == 2:
            reference = 50e6 / (32, 64, 128, 256, 512, 1024, 1280, 1536)[value >> 3 & 7]
            assert 31.25e3 <= reference <= 39.0625e3, "FRDIV must give the FLL 31.25 to 39.0625 kHz"
        if name == "MCG_C6":
            assert self._mode() in ("FBE", "PBE"), "the PLL is chosen while it would feed the core"
        if name.startswith("UART0"):
            assert self.values.get("SIM_SCGC4", 0) >> 10 & 1, "UART0 has no clock"
        if name.startswith("PORT") or name.startswith("GPIO"):
            bit = 10 if "B" in name[:5] else 11
            assert self.values.get("SIM_SCGC5", 0) >> bit & 1, f"{name} is written while the port has no clock"
        if name in ("GPIOC_PSOR", "GPIOC_PCOR"):
            self.pins_driven("", value, name == "GPIOC_PSOR")
        if name == "UART0_D":
            assert self.values.get("UART0_C2", 0) >> 3 & 1, "the transmitter is off"
            self.sent.append(value & 0xFF)
            return
        super().written(name, value)
        if name == "MCG_C1":
            divide = self.values["SIM_CLKDIV1"]
            assert self._flash_hz() <= 25e6 and self.core_hz() <= 120e6
            if self._mode() == "PEE":
                assert self.core_hz() / ((divide >> 24 & 15) + 1) <= 60e6, "the bus is too fast"
                assert self.core_hz() / ((divide >> 20 & 15) + 1) <= 50e6, "FlexBus is too fast"

    def read(self, name: str) -> int:
        if name == "MCG_S":
            clock = {"FEI": 0, "FBE": 2, "PBE": 2, "PEE": 3}[self._mode()]
            locked = 0x60 if self.values.get("MCG_C6", 0) >> 6 & 1 else 0
            return locked | (self.values["MCG_C1"] >> 2 & 1) << 4 | clock << 2
        if name == "UART0_S1":
            return 0xC0 | (0x20 if self.waiting else 0)
        if name == "UART0_D":
            return self.waiting.pop(0)
        return super().read(name)

    def is_output(self, port: str, bit: int) -> bool:
        return self.values.get(f"PORTC_PCR{bit}", 0) >> 8 & 7 == 1 and self.values.get("GPIOC_PDDR", 0) >> bit & 1 == 1

    def serial_interrupt(self) -> bool:
        return self.values.get("UART0_C2", 0) & 0x24 == 0x24


class Efm32gg(Chip):
    """EFM32GG Reference Manual: MSC, CMU, GPIO, USART; EFM32GG-STK3700 User Manual: UART0 at PE0, PE1, PF7 lets in."""

    memory = {0x00000000: 1 << 20, 0x20000000: 128 << 10}
    irq = 20
    registers = {
        0x400C0004: "MSC_READCTRL",
        0x400C8000: "CMU_CTRL",
        0x400C8020: "CMU_OSCENCMD",
        0x400C8024: "CMU_CMD",
        0x400C802C: "CMU_STATUS",
        0x400C8044: "CMU_HFPERCLKEN0",
        **{
            0x40006000 + 0x24 * port + 4 * i: f"GPIO_P{'ABCDEF'[port]}_{name}"
            for port in range(6)
            for i, name in enumerate(("CTRL", "MODEL", "MODEH", "DOUT", "DOUTSET", "DOUTCLR"))
        },
        **{
            0x4000E000 + at: f"UART0_{name}"
            for at, name in {
                0x00: "CTRL", 0x04: "FRAME", 0x0C: "CMD", 0x10: "STATUS", 0x14: "CLKDIV", 0x1C: "RXDATA",
                0x34: "TXDATA", 0x40: "IF", 0x48: "IFC", 0x4C: "IEN", 0x54: "ROUTE",
            }.items()
        },
    }  # fmt: skip
    reset = {"MSC_READCTRL": 1, "CMU_CTRL": 0x000C062C, "UART0_FRAME": 0x1005}

    def core_hz(self) -> float:
        return 48e6 if self.values.get("CMU_CMD", 0) & 7 == 2 else 14e6

    def baud(self) -> float:
        assert self.values["UART0_FRAME"] == 0x1005, "8 bits, no parity, one stop bit"
        assert self.values["UART0_CTRL"] & 0x60 == 0, "16 samples a bit"
        divisor = self.values["UART0_CLKDIV"]
        assert divisor & ~0x1FFFC0 == 0, "bits that do not exist"
        return self.core_hz() / (16 * (1 + divisor / 256))

    def _mode(self, port: str, bit: int) -> int:
        return self.values.get(f"GPIO_P{port}_MODE{'LH'[bit // 8]}", 0) >> 4 * (bit % 8) & 15

    def pins_lead_out(self) -> bool:
        high = self.values.get("GPIO_PE_DOUT", 0) & 3 == 3 and self.values.get("GPIO_PF_DOUT", 0) >> 7 & 1 == 1
        modes = (self._mode("E", 0), self._mode("E", 1), self._mode("F", 7))
        return high and modes == (4, 2, 4) and self.values["UART0_ROUTE"] == 0x103

    def written(self, name: str, value: int) -> None:
        clocks = self.values.get("CMU_HFPERCLKEN0", 0)
        assert not name.startswith("GPIO") or clocks >> 13 & 1, f"{name} is written without a clock"
        assert not name.startswith("UART0") or clocks >> 3 & 1, f"{name} is written without a clock"
        if name.endswith(("DOUTSET", "DOUTCLR")):
            out = name[:-3]
            before = self.values.get(out, 0)
            self.values[out] = before | value if name.endswith("SET") else before & ~value
            self.pins_driven(name[6], value, name.endswith("SET"))
            return
        if name == "UART0_TXDATA":
            assert self.values["UART0_CMD"] >> 2 & 1, "the transmitter is off"
            self.sent.append(value & 0xFF)
            return
        if name == "CMU_CMD" and value & 7 == 2:
            assert self.values.get("CMU_OSCENCMD", 0) >> 2 & 1, "the crystal is off"
            assert self.values["CMU_CTRL"] >> 5 & 3 == 3, "above 32 MHz the crystal needs more current"
            assert self.values["MSC_READCTRL"] & 7 in (4, 5), "above 32 MHz two wait states are needed"
        super().written(name, value)

    def read(self, name: str) -> int:
        if name == "CMU_STATUS":
            ready = self.values.get("CMU_OSCENCMD", 0) >> 2 & 1
            return 3 | ready << 3 | (self.values.get("CMU_CMD", 0) & 7 == 2) << 11
        if name == "UART0_STATUS":
            return 0x60 | (0x80 if self.waiting else 0)
        if name == "UART0_RXDATA":
            return self.waiting.pop(0)
        return super().read(name)

    def is_output(self, port: str, bit: int) -> bool:
        return self._mode(port, bit) == 4

    def serial_interrupt(self) -> bool:
        return self.values.get("UART0_CMD", 0) & 1 == 1 and self.values.get("UART0_IEN", 0) >> 2 & 1 == 1
