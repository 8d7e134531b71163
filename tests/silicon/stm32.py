"""STM32: what the families have in common (ports, serial ports), and a class for each of them.

Reference manuals: RM0008 (F103), RM0041 (F100), RM0033 (F205, F207), RM0090 (F405, F407), RM0383 (F411), RM0390 (F446),
RM0385 (F746), RM0410 (F767), RM0433 (H743), RM0432 (L4R5), RM0440 (G474), RM0444 (G0B1), RM0456 (U575), RM0486 (N657).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from silicon.chip import Chip


class Stm32(Chip):
    """Pins and serial port of all families but F1.

    Attributes:
        gpio: Address of port A; the ports follow every 1 KiB.
        gpio_enable: Register whose bit n lets port n's clock run.
        serial: Name and address of the serial port that is wired to the probe, by the board's manual.
        serial_enable: Register and bit of its clock.
        transmit, receive: Its pins, port and bit, and the alternate function that selects it (data sheet).
        old_serial: F1, F2, F4: status and data registers of the first kind.
        lpuart: It is an LPUART.
    """

    gpio: int
    gpio_enable: str
    serial: tuple[str, int]
    serial_enable: tuple[str, int]
    transmit: tuple[str, int]
    receive: tuple[str, int]
    function: int
    old_serial = False
    lpuart = False
    clocks: Mapping[int, str]

    _PORT = ("MODER", "OTYPER", "OSPEEDR", "PUPDR", "IDR", "ODR", "BSRR", "LCKR", "AFRL", "AFRH")
    _OLD = ("SR", "DR", "BRR", "CR1", "CR2", "CR3")
    _NEW = ("CR1", "CR2", "CR3", "BRR", "GTPR", "RTOR", "RQR", "ISR", "ICR", "RDR", "TDR")

    @property
    def registers(self) -> Mapping[int, str]:  # type: ignore[override]
        name, base = self.serial
        ports = {
            self.gpio + 0x400 * port + 4 * i: f"GPIO{'ABCDEFGHI'[port]}_{register}"
            for port in range(9)
            for i, register in enumerate(self._PORT)
        }
        serial = {base + 4 * i: f"{name}_{one}" for i, one in enumerate(self._OLD if self.old_serial else self._NEW)}
        return {**self.clocks, **ports, **serial}

    def core_hz(self) -> float:
        """The core clock that the registers make."""
        raise NotImplementedError

    def serial_hz(self) -> float:
        """The clock of the serial port."""
        raise NotImplementedError

    def baud(self) -> float:
        """The speed that the registers make."""
        divisor = self.values.get(f"{self.serial[0]}_BRR", 0)
        if self.lpuart:
            assert 0x300 <= divisor <= 0xFFFFF, "LPUART_BRR must be at least 300h"
            assert 3 <= self.serial_hz() / (256 * self.serial_hz() / divisor) <= 4096, (
                "clock is 3 to 4096 times the baud"
            )
            return 256 * self.serial_hz() / divisor
        assert 16 <= divisor <= 0xFFFF, "USART_BRR must be at least 16"
        return self.serial_hz() / divisor

    def serial_runs(self) -> bool:
        """Whether the port's clock runs."""
        register, bit = self.serial_enable
        return bool(self.values.get(register, 0) >> bit & 1)

    def pins_lead_out(self) -> bool:
        """Whether both pins are given to the serial port."""
        return all(self._function_of(port, bit) == self.function for port, bit in (self.transmit, self.receive))

    def _function_of(self, port: str, bit: int) -> int | None:
        mode = self.values.get(f"GPIO{port}_MODER", 0) >> 2 * bit & 3
        select = self.values.get(f"GPIO{port}_AFR{'LH'[bit // 8]}", 0) >> 4 * (bit % 8) & 15
        return select if mode == 2 else None

    def is_output(self, port: str, bit: int) -> bool:
        return self.values.get(f"GPIO{port}_MODER", 0) >> 2 * bit & 3 == 1

    def written(self, name: str, value: int) -> None:
        if name.startswith("GPIO"):
            self._port_written(name, value)
        elif name.startswith(self.serial[0]):
            self._serial_written(name, value)
        else:
            super().written(name, value)

    def _port_written(self, name: str, value: int) -> None:
        bit = ord(name[4]) - ord("A")
        assert self.values.get(self.gpio_enable, 0) >> bit & 1, f"{name} is written while the port's clock is off"
        if name.endswith("BSRR"):
            data = name.replace("BSRR", "ODR")
            self.values[data] = (self.values.get(data, 0) & ~(value >> 16)) | (value & 0xFFFF)
            self.pins_driven(name[4], value & 0xFFFF, True)
            self.pins_driven(name[4], value >> 16, False)
        else:
            self.values[name] = value

    def _serial_written(self, name: str, value: int) -> None:
        assert self.serial_runs(), f"{name} is written while the port's clock is off"
        prefix, _, register = name.rpartition("_")
        on = self.values.get(f"{prefix}_CR1", 0) & self._enable_bit
        if register in ("DR", "TDR"):
            assert on and self.values[f"{prefix}_CR1"] & 8, "the transmitter is off"
            self.sent.append(value & 0xFF)
            return
        if register == "BRR" and not self.old_serial:
            assert not on, "the divisor changes while the port is on"
        self.values[name] = value

    @property
    def _enable_bit(self) -> int:
        return 1 << 13 if self.old_serial else 1

    def read(self, name: str) -> int:
        if name.startswith(self.serial[0]):
            register = name.rpartition("_")[2]
            if register in ("SR", "ISR"):
                return 0xC0 | (0x20 if self.waiting else 0)  # all sent; received
            if register in ("DR", "RDR"):
                return self.waiting.pop(0)
        return super().read(name)

    def serial_interrupt(self) -> bool:
        wanted = self._enable_bit | 1 << 5 | 1 << 2
        return self.values.get(f"{self.serial[0]}_CR1", 0) & wanted == wanted


class Stm32F2(Stm32):
    """F2, F4 and F7: RCC at 4002 3800h, one PLL with M, N, P."""

    gpio = 0x40020000
    gpio_enable = "RCC_AHB1ENR"
    old_serial = True
    clocks = {
        0x40007000: "PWR_CR",
        0x40007004: "PWR_CSR",
        0x40023800: "RCC_CR",
        0x40023804: "RCC_PLLCFGR",
        0x40023808: "RCC_CFGR",
        0x40023830: "RCC_AHB1ENR",
        0x40023840: "RCC_APB1ENR",
        0x40023844: "RCC_APB2ENR",
        0x40023C00: "FLASH_ACR",
    }
    reset = {"RCC_CR": 0x83, "RCC_PLLCFGR": 0x24003010}
    hse_hz: int
    hse_bypass: bool
    vco = (192e6, 432e6)
    most_hz = 120e6
    most_apb_hz = (30e6, 60e6)
    wait_state_hz = 30e6  # supply 2.7 to 3.6 V: one more wait state each
    scales: Mapping[int, float] = {}  # PWR_CR.VOS -> greatest core clock
    scales_overdrive: Mapping[int, float] = {}
    serial_apb = 1

    def _source_hz(self) -> float:
        """Of the PLL."""
        if self.values["RCC_PLLCFGR"] >> 22 & 1:
            assert self.values["RCC_CR"] >> 16 & 1, "the crystal is off"
            assert bool(self.values["RCC_CR"] >> 18 & 1) == self.hse_bypass, "bypass is not as the board is wired"
            return self.hse_hz
        return 16e6

    def pll_hz(self) -> float:
        setting = self.values["RCC_PLLCFGR"]
        divided = self._source_hz() / (setting & 63)
        assert 1e6 <= divided <= 2e6, "the PLL's input must be 1 to 2 MHz"
        vco = divided * (setting >> 6 & 511)
        assert self.vco[0] <= vco <= self.vco[1], "the PLL's oscillator is out of its range"
        assert vco / (setting >> 24 & 15) <= 48e6 + 1, "PLLQ must give at most 48 MHz"
        return vco / (2 * (setting >> 16 & 3) + 2)

    def core_hz(self) -> float:
        return self.pll_hz() if self.values.get("RCC_CFGR", 0) & 3 == 2 else 16e6

    def apb_hz(self, number: int) -> float:
        field = self.values.get("RCC_CFGR", 0) >> (10 if number == 1 else 13) & 7
        return self.core_hz() / (1 if field < 4 else 2 << (field - 4))

    def serial_hz(self) -> float:
        return self.apb_hz(self.serial_apb)

    def written(self, name: str, value: int) -> None:
        if name.startswith("PWR"):
            assert self.values.get("RCC_APB1ENR", 0) >> 28 & 1, "PWR is written while its clock is off"
            changes = (value ^ self.values.get("PWR_CR", 0)) >> 14 & 3
            assert not (changes and self.values["RCC_CR"] >> 24 & 1), "VOS may change only while the PLL is off"
            if value >> 17 & 1:
                assert value >> 16 & 1, "over-drive is switched before it is on"
        if name == "RCC_PLLCFGR":
            assert not self.values["RCC_CR"] >> 24 & 1, "the PLL changes while it is on"
        if name == "RCC_CR" and (value ^ self.values["RCC_CR"]) >> 18 & 1:
            assert not self.values["RCC_CR"] >> 16 & 1, "HSEBYP may change only while the crystal is off"
        super().written(name, value)
        if name == "RCC_CFGR" and value & 3 == 2:
            self._check_rise()

    def _check_rise(self) -> None:
        """What must be so when the core switches to the PLL."""
        assert self.values["RCC_CR"] >> 24 & 1, "the PLL is off"
        core = self.pll_hz()
        assert core <= self.most_hz, "faster than the part"
        needed = -(-core // self.wait_state_hz) - 1
        assert self.values.get("FLASH_ACR", 0) & 15 >= needed, f"{needed} wait states are needed"
        for number in (1, 2):
            assert self.apb_hz(number) <= self.most_apb_hz[number - 1], f"APB{number} is too fast"
        power = self.values.get("PWR_CR", 0)
        if self.scales:
            scales = self.scales_overdrive if power >> 17 & 1 else self.scales
            assert core <= scales[power >> 14 & 3], "the voltage is too low"

    def read(self, name: str) -> int:
        value = super().read(name)
        if name == "RCC_CR":  # on -> ready: HSI, HSE, PLL
            return value | (value & 0x01010001) << 1
        if name == "RCC_CFGR":
            return value | (value & 3) << 2
        if name == "PWR_CSR":
            return value | self.values.get("PWR_CR", 0) & 3 << 16
        return value


class Stm32F205(Stm32F2):
    """Netduino 2: 25 MHz crystal; USART1 on PA9, PA10."""

    memory = {0x08000000: 1 << 20, 0x20000000: 128 << 10}
    hse_hz, hse_bypass = 25_000_000, False
    serial, serial_enable, serial_apb = ("USART1", 0x40011000), ("RCC_APB2ENR", 4), 2
    transmit, receive, function, irq = ("A", 9), ("A", 10), 7, 37

    def find_vectors(self) -> int:
        return 0x08000000


class NucleoF207ZG(Stm32F205):
    """UM1974 6.9, table 11: USART3 on PD8, PD9 to the probe; 8 MHz from the probe."""

    hse_hz, hse_bypass = 8_000_000, True
    serial, serial_enable, serial_apb = ("USART3", 0x40004800), ("RCC_APB1ENR", 18), 1
    transmit, receive, function, irq = ("D", 8), ("D", 9), 7, 39


class Stm32F405(Stm32F205):
    """RM0090: voltage scale 1 (VOS = 1, bit 14) up to 168 MHz, table 10 for wait states."""

    reset = {**Stm32F2.reset, "PWR_CR": 0x4000}
    vco = (100e6, 432e6)
    most_hz, most_apb_hz = 168e6, (42e6, 84e6)
    scales = {1: 168e6, 0: 144e6}


class Stm32F407Discovery(Stm32F405):
    """UM1472: 8 MHz crystal; USART2 on PA2, PA3."""

    hse_hz = 8_000_000
    serial, serial_enable, serial_apb = ("USART2", 0x40004400), ("RCC_APB1ENR", 17), 1
    transmit, receive, function, irq = ("A", 2), ("A", 3), 7, 38


class NucleoF411RE(Stm32F407Discovery):
    """RM0383: VOS = 3 up to 100 MHz, 2 up to 84, 1 up to 64; table 5.  UM1724 6.8: USART2; 8 MHz from the probe."""

    memory = {0x08000000: 512 << 10, 0x20000000: 128 << 10}
    reset = {**Stm32F2.reset, "PWR_CR": 0x8000}
    hse_bypass = True
    most_hz, most_apb_hz = 100e6, (50e6, 100e6)
    scales = {3: 100e6, 2: 84e6, 1: 64e6}


class NucleoF446RE(Stm32F407Discovery):
    """RM0390: VOS = 3 up to 168 MHz, 180 with over-drive; UM1724 6.8."""

    memory = {0x08000000: 512 << 10, 0x20000000: 128 << 10}
    reset = {**Stm32F2.reset, "PWR_CR": 0xC000}
    hse_bypass = True
    most_hz, most_apb_hz = 180e6, (45e6, 90e6)
    scales = {3: 168e6, 2: 144e6, 1: 120e6}
    scales_overdrive = {3: 180e6, 2: 168e6}


class NucleoF767ZI(NucleoF207ZG):
    """RM0410: as the F446, 216 MHz with over-drive; USART of the second kind.  UM1974 table 11."""

    memory = {0x08000000: 2 << 20, 0x20000000: 512 << 10}
    reset = {**Stm32F2.reset, "PWR_CR": 0xC000}
    old_serial = False
    vco = (100e6, 432e6)
    most_hz, most_apb_hz = 216e6, (54e6, 108e6)
    scales = {3: 180e6, 2: 168e6, 1: 144e6}
    scales_overdrive = {3: 216e6, 2: 180e6}


class Stm32F746Discovery(NucleoF767ZI):
    """RM0385; UM1907: 25 MHz crystal; USART1 on PA9 and PB7 to the probe."""

    memory = {0x08000000: 1 << 20, 0x20000000: 320 << 10}
    hse_hz, hse_bypass = 25_000_000, False
    serial, serial_enable, serial_apb = ("USART1", 0x40011000), ("RCC_APB2ENR", 4), 2
    transmit, receive, function, irq = ("A", 9), ("B", 7), 7, 37


class Stm32F1(Stm32):
    """RM0008, RM0041: pins of the old kind (four bits a pin in CRL, CRH)."""

    old_serial = True
    gpio_enable = "RCC_APB2ENR"
    reset = {"RCC_CR": 0x83, "FLASH_ACR": 0x30, "GPIOA_CRL": 0x44444444, "GPIOA_CRH": 0x44444444}
    memory = {0x08000000: 128 << 10, 0x20000000: 20 << 10}
    hse_bypass = True
    most_hz = 72e6
    wait_state_hz = 24e6
    has_wait_states = True
    serial_apb = 1
    serial, serial_enable = ("USART2", 0x40004400), ("RCC_APB1ENR", 17)
    transmit, receive, irq = ("A", 2), ("A", 3), 38

    @property
    def registers(self) -> Mapping[int, str]:  # type: ignore[override]
        name, base = self.serial
        return {
            0x40021000: "RCC_CR",
            0x40021004: "RCC_CFGR",
            0x40021018: "RCC_APB2ENR",
            0x4002101C: "RCC_APB1ENR",
            0x40022000: "FLASH_ACR",
            0x40010800: "GPIOA_CRL",
            0x40010804: "GPIOA_CRH",
            0x4001080C: "GPIOA_ODR",
            0x40010810: "GPIOA_BSRR",
            **{base + 4 * i: f"{name}_{one}" for i, one in enumerate(self._OLD)},
        }

    def find_vectors(self) -> int:
        return 0x08000000

    def _mode(self, bit: int) -> int:
        return self.values[f"GPIOA_CR{'LH'[bit // 8]}"] >> 4 * (bit % 8) & 15

    def pins_lead_out(self) -> bool:
        pulled_up = self._mode(self.receive[1]) == 8 and self.values.get("GPIOA_ODR", 0) >> self.receive[1] & 1
        return self._mode(self.transmit[1]) in (9, 10, 11) and bool(pulled_up)  # alternate function, push-pull

    def is_output(self, port: str, bit: int) -> bool:
        return self._mode(bit) in (1, 2, 3)

    def core_hz(self) -> float:
        setting = self.values.get("RCC_CFGR", 0)
        if setting & 3 != 2:
            return 8e6
        assert setting >> 16 & 1 and self.values["RCC_CR"] >> 16 & 1, "the PLL has no source"
        assert bool(self.values["RCC_CR"] >> 18 & 1) == self.hse_bypass, "bypass is not as the board is wired"
        return 8e6 * ((setting >> 18 & 15) + 2)

    def serial_hz(self) -> float:
        field = self.values.get("RCC_CFGR", 0) >> (8 if self.serial_apb == 1 else 11) & 7
        return self.core_hz() / (1 if field < 4 else 2 << (field - 4))

    def _port_written(self, name: str, value: int) -> None:
        assert self.values.get("RCC_APB2ENR", 0) >> 2 & 1, f"{name} is written while the port's clock is off"
        if name.endswith("BSRR"):
            self.values["GPIOA_ODR"] = (self.values.get("GPIOA_ODR", 0) & ~(value >> 16)) | (value & 0xFFFF)
            self.pins_driven("", value & 0xFFFF, True)
            self.pins_driven("", value >> 16, False)
        else:
            self.values[name] = value

    def written(self, name: str, value: int) -> None:
        if name == "RCC_CFGR" and (value ^ self.values.get("RCC_CFGR", 0)) & ~3:
            assert not self.values["RCC_CR"] >> 24 & 1, "the PLL changes while it is on"
        assert name != "FLASH_ACR" or self.has_wait_states, "the value line has no wait states"
        super().written(name, value)
        if name == "RCC_CFGR" and value & 3 == 2:
            assert self.values["RCC_CR"] >> 24 & 1, "the PLL is off"
            assert self.core_hz() <= self.most_hz
            if self.has_wait_states:
                assert self.values["FLASH_ACR"] & 7 >= -(-self.core_hz() // self.wait_state_hz) - 1
                field = value >> 8 & 7
                assert self.core_hz() / (1 if field < 4 else 2 << (field - 4)) <= 36e6, "APB1 is too fast"

    def read(self, name: str) -> int:
        value = super().read(name)
        if name == "RCC_CR":
            return value | (value & 0x01010001) << 1
        if name == "RCC_CFGR":
            return value | (value & 3) << 2
        return value


class Stm32F103RC(Stm32F1):
    """High-density F103, erased at first; PM0075: pages of 2 KiB, written by half words while PG is set."""

    memory = {0x08000000: 256 << 10, 0x1FFFF000: 0x1000, 0x20000000: 48 << 10}
    mirrors = {0: 0x08000000}  # RM0008 3.4, boot from main flash memory
    reset = {**Stm32F1.reset, "FLASH_CR": 0x80, "FLASH_OBR": 0x03FFFFFC, "FLASH_WRPR": 0xFFFFFFFF}
    identity = {0xE0042000: 0x10036414}  # DBGMCU_IDCODE (RM0008 31.6.1)
    page = 2048

    _KEYS = (0x45670123, 0xCDEF89AB)

    def __init__(self, elf: Path | None, core: str) -> None:
        super().__init__(None, core)
        self.write(0x08000000, b"\xff" * (256 << 10))
        self.write(0x1FFFF7E0, (256).to_bytes(2, "little"))  # flash size in KiB (RM0008 30.1.1)
        self.on_write(0x08000000, 256 << 10, self.programmed)
        self.written_half_words = 0
        self._unlocking = 0
        assert elf is None
        self.restart()

    @property
    def registers(self) -> Mapping[int, str]:  # type: ignore[override]
        names = ("KEYR", "OPTKEYR", "SR", "CR", "AR", "", "OBR", "WRPR")
        return super().registers | {0x40022004 + 4 * i: f"FLASH_{name}" for i, name in enumerate(names) if name}

    def store(self, address: int, size: int, value: int) -> None:
        if 0x08000000 <= address < 0x08000000 + (256 << 10):
            self.programmed(address, size, value)
        super().store(address, size, value)

    def programmed(self, address: int, size: int, value: int) -> None:
        """PM0075 2.3.3: a locked, busy or written place cannot be programmed, nor can bytes or words."""
        control = self.values.get("FLASH_CR", 0)
        assert control & 0x81 == 1, f"{address:#x} is written without PG, or while locked"
        assert size == 2 and address % 2 == 0, f"{size} bytes are written at {address:#x}"
        assert self.bytes(address, 2) == b"\xff\xff", f"{address:#x} is not erased"
        self.written_half_words += 1
        self.values["FLASH_SR"] = self.values.get("FLASH_SR", 0) | 0x20

    def written(self, name: str, value: int) -> None:
        if name == "FLASH_KEYR":
            self._unlocking = self._unlocking + 1 if value == self._KEYS[self._unlocking] else 0
            if self._unlocking == len(self._KEYS):
                self.values["FLASH_CR"] &= ~0x80
                self._unlocking = 0
        elif name == "FLASH_SR":
            self.values[name] = self.values.get(name, 0) & ~value
        elif name == "FLASH_CR":
            assert not self.values[name] & 0x80 or value & 0x80, "FLASH_CR is written while locked"
            self.values[name] = value & ~0x40
            if value & 0x40:
                self._erase(value)
        else:
            super().written(name, value)

    def _erase(self, control: int) -> None:
        assert control & 0x37 in (2, 4), "either a page or all is erased"
        address = self.values["FLASH_AR"] & -self.page if control & 2 else 0x08000000
        self.write(address, b"\xff" * (self.page if control & 2 else 256 << 10))
        self.values["FLASH_SR"] = self.values.get("FLASH_SR", 0) | 0x20


class Stm32F100Discovery(Stm32F1):
    """UM0919: 8 MHz crystal; USART1 on PA9, PA10.  RM0041 3.3: the flash runs at 24 MHz without wait states."""

    memory = {0x08000000: 128 << 10, 0x20000000: 8 << 10}
    reset = {"RCC_CR": 0x83, "GPIOA_CRL": 0x44444444, "GPIOA_CRH": 0x44444444}
    hse_bypass = False
    most_hz = 24e6
    has_wait_states = False
    serial_apb = 2
    serial, serial_enable = ("USART1", 0x40013800), ("RCC_APB2ENR", 14)
    transmit, receive, irq = ("A", 9), ("A", 10), 37


class Stm32H743(Stm32):
    """RM0433; Nucleo-H743ZI2 (UM2407): 8 MHz from the probe, USART3 on PD8, PD9."""

    memory = {0x08000000: 2 << 20, 0x20000000: 128 << 10}
    gpio, gpio_enable = 0x58020000, "RCC_AHB4ENR"
    serial, serial_enable = ("USART3", 0x40004800), ("RCC_APB1LENR", 18)
    transmit, receive, function, irq = ("D", 8), ("D", 9), 7, 39
    clocks = {
        0x52002000: "FLASH_ACR",
        0x58024804: "PWR_CSR1",
        0x5802480C: "PWR_CR3",
        0x58024818: "PWR_D3CR",
        0x58024400: "RCC_CR",
        0x58024410: "RCC_CFGR",
        0x58024418: "RCC_D1CFGR",
        0x5802441C: "RCC_D2CFGR",
        0x58024420: "RCC_D3CFGR",
        0x58024428: "RCC_PLLCKSELR",
        0x5802442C: "RCC_PLLCFGR",
        0x58024430: "RCC_PLL1DIVR",
        0x580244E0: "RCC_AHB4ENR",
        0x580244E8: "RCC_APB1LENR",
    }
    reset = {
        "RCC_CR": 0x25, "RCC_PLLCKSELR": 0x02020200, "RCC_PLLCFGR": 0x01FF0000, "RCC_PLL1DIVR": 0x01010280,
        "PWR_CR3": 6, "PWR_D3CR": 0x4000, "FLASH_ACR": 0x37,
    }  # fmt: skip

    def find_vectors(self) -> int:
        return 0x08000000

    def pll_hz(self) -> float:
        select, config, divide = (self.values[f"RCC_{name}"] for name in ("PLLCKSELR", "PLLCFGR", "PLL1DIVR"))
        source = {0: 64e6, 2: 8e6}[select & 3]
        if select & 3 == 2:
            assert self.values["RCC_CR"] >> 18 & 1, "the probe's clock needs the bypass"
        reference = source / (select >> 4 & 63)
        low, high = {0: (1e6, 2e6), 1: (2e6, 4e6), 2: (4e6, 8e6), 3: (8e6, 16e6)}[config >> 2 & 3]
        assert low <= reference <= high, "PLL1RGE does not fit the PLL's input"
        vco = reference * ((divide & 511) + 1)
        assert not config >> 1 & 1, "PLL1VCOSEL: the wide oscillator is meant"
        assert 192e6 <= vco <= 836e6, "the PLL's oscillator is out of its range"
        assert config >> 16 & 1, "output P is off"
        return vco / ((divide >> 9 & 127) + 1)

    def _system_hz(self) -> float:
        return self.pll_hz() if self.values.get("RCC_CFGR", 0) & 7 == 3 else 64e6

    @staticmethod
    def _divided(field: int, bits: int) -> int:
        """The divider of a prescaler's field: 4 bits (HPRE, D1CPRE) or 3 (DxPPRE)."""
        if bits == 4:
            return 1 if field < 8 else (2, 4, 8, 16, 64, 128, 256, 512)[field - 8]
        return 1 if field < 4 else 2 << (field - 4)

    def core_hz(self) -> float:
        return self._system_hz() / self._divided(self.values.get("RCC_D1CFGR", 0) >> 8 & 15, 4)

    def bus_hz(self) -> float:
        return self.core_hz() / self._divided(self.values.get("RCC_D1CFGR", 0) & 15, 4)

    def serial_hz(self) -> float:
        return self.bus_hz() / self._divided(self.values.get("RCC_D2CFGR", 0) >> 4 & 7, 3)

    def written(self, name: str, value: int) -> None:
        if name in ("RCC_PLLCKSELR", "RCC_PLLCFGR", "RCC_PLL1DIVR"):
            assert not self.values["RCC_CR"] >> 24 & 1, "the PLL changes while it is on"
        super().written(name, value)
        if name == "PWR_CR3":
            assert value & 7 == 2, "the LDO alone feeds the part, configuration locked"
        if name == "RCC_CFGR" and value & 7 == 3:
            scale = self.values["PWR_D3CR"] >> 14 & 3
            assert self.core_hz() <= {3: 400e6, 2: 300e6, 1: 200e6}[scale], "the voltage is too low"
            assert "PWR_CR3" in dict(self.log), "the supply must be configured before the voltage changes"
            # RM0433 table 17, scale 1: AXI clock -> wait states, WRHIGHFREQ.
            waits, delay = next(
                (waits, delay)
                for most, waits, delay in ((70e6, 0, 0), (140e6, 1, 1), (185e6, 2, 1), (210e6, 2, 2), (225e6, 3, 2))
                if self.bus_hz() <= most
            )
            assert self.values["FLASH_ACR"] & 15 >= waits
            assert self.values["FLASH_ACR"] >> 4 & 3 >= delay
            assert self.bus_hz() <= 200e6
            fields = (("RCC_D1CFGR", 4), ("RCC_D2CFGR", 4), ("RCC_D2CFGR", 8), ("RCC_D3CFGR", 4))
            for register, shift in fields:
                assert self.bus_hz() / self._divided(self.values.get(register, 0) >> shift & 7, 3) <= 100e6

    def read(self, name: str) -> int:
        value = super().read(name)
        if name == "RCC_CR":  # HSI -> ready, HSE, PLL1
            return value | (value & 1) << 2 | (value & 0x01010000) << 1
        if name == "RCC_CFGR":
            return value | (value & 7) << 3
        if name == "PWR_CSR1":
            return 1 << 13
        if name == "PWR_D3CR":
            return value | 1 << 13
        return value


class Stm32L4R5(Stm32):
    """RM0432: range 1 boost up to 120 MHz, 20 MHz a wait state; UM2179: LPUART1 on PG7, PG8."""

    memory = {0x08000000: 2 << 20, 0x20000000: 640 << 10}
    gpio, gpio_enable = 0x48000000, "RCC_AHB2ENR"
    serial, serial_enable, lpuart = ("LPUART1", 0x40008000), ("RCC_APB1ENR2", 0), True
    transmit, receive, function, irq = ("G", 7), ("G", 8), 8, 70
    clocks = {
        0x40007004: "PWR_CR2",
        0x40007080: "PWR_CR5",
        0x40021000: "RCC_CR",
        0x40021008: "RCC_CFGR",
        0x4002100C: "RCC_PLLCFGR",
        0x4002104C: "RCC_AHB2ENR",
        0x40021058: "RCC_APB1ENR1",
        0x4002105C: "RCC_APB1ENR2",
        0x40022000: "FLASH_ACR",
    }
    reset = {"RCC_CR": 0x63, "RCC_PLLCFGR": 0x1000, "PWR_CR5": 0x100, "FLASH_ACR": 0x600}
    start_hz = 4e6
    most_hz = 120e6
    wait_state_hz = 20e6
    vco = (64e6, 344e6)
    supply_of_port_g = True

    def find_vectors(self) -> int:
        return 0x08000000

    def pll_hz(self) -> float:
        setting = self.values["RCC_PLLCFGR"]
        assert setting & 3 == 2, "HSI16 is meant"
        assert self.values["RCC_CR"] >> 8 & 1, "HSI16 is off"
        reference = 16e6 / ((setting >> 4 & 15) + 1)
        assert 2.66e6 <= reference <= 16e6, "the PLL's input is out of its range"
        vco = reference * (setting >> 8 & 127)
        assert self.vco[0] <= vco <= self.vco[1], "the PLL's oscillator is out of its range"
        assert setting >> 24 & 1, "output R is off"
        return vco / (2 * (setting >> 25 & 3) + 2)

    def _system_hz(self) -> float:
        return {0: self.start_hz, 1: 16e6, 3: 0}[self.values.get("RCC_CFGR", 0) & 3] or self.pll_hz()

    def core_hz(self) -> float:
        field = self.values.get("RCC_CFGR", 0) >> 4 & 15
        return self._system_hz() / (1 if field < 8 else (2, 4, 8, 16, 64, 128, 256, 512)[field - 8])

    serial_hz = core_hz

    def pins_lead_out(self) -> bool:
        if self.supply_of_port_g and not self.values.get("PWR_CR2", 0) >> 9 & 1:
            return False
        return super().pins_lead_out()

    def written(self, name: str, value: int) -> None:
        if name.startswith("PWR"):
            assert self.values.get("RCC_APB1ENR1", 0) >> 28 & 1, "PWR is written while its clock is off"
        if name == "RCC_PLLCFGR":
            assert not self.values["RCC_CR"] >> 24 & 1, "the PLL changes while it is on"
        before = self.core_hz()
        super().written(name, value)
        assert self.values["FLASH_ACR"] >> 18 == self.reset["FLASH_ACR"] >> 18, "DBG_SWEN lets debuggers in"
        if name == "RCC_CFGR" and value & 3 == 3:
            core = self.core_hz()
            assert core <= self.most_hz
            assert self.values["FLASH_ACR"] & 15 >= -(-core // self.wait_state_hz) - 1
            if core > 80e6:
                assert not self.values["PWR_CR5"] >> 8 & 1, "boost mode is needed"
                assert before > 16e6 or value >> 4 & 15 == 8, "above 80 MHz the bus must first run at a half"

    def read(self, name: str) -> int:
        value = super().read(name)
        if name == "RCC_CR":
            return value | (value & 1 << 8) << 2 | (value & 1 << 24) << 1
        if name == "RCC_CFGR":
            return value | (value & 3) << 2
        return value


class Stm32G474(Stm32L4R5):
    """RM0440: range 1 boost up to 170 MHz, table 29; UM2505: LPUART1 on PA2, PA3 (AF12)."""

    memory = {0x08000000: 512 << 10, 0x20000000: 128 << 10}
    transmit, receive, function, irq = ("A", 2), ("A", 3), 12, 91
    reset = {"RCC_CR": 0x500, "RCC_CFGR": 1, "RCC_PLLCFGR": 0x1000, "PWR_CR5": 0x100, "FLASH_ACR": 0x40600}
    most_hz = 170e6
    wait_state_hz = 34e6
    vco = (96e6, 344e6)
    supply_of_port_g = False


class Stm32G0B1(Stm32):
    """RM0444: 64 MHz, 24 MHz a wait state; UM2324: USART2 on PA2, PA3 (AF1)."""

    memory = {0x08000000: 512 << 10, 0x20000000: 144 << 10}
    gpio, gpio_enable = 0x50000000, "RCC_IOPENR"
    serial, serial_enable = ("USART2", 0x40004400), ("RCC_APBENR1", 17)
    transmit, receive, function, irq = ("A", 2), ("A", 3), 1, 28
    clocks = {
        0x40021000: "RCC_CR",
        0x40021008: "RCC_CFGR",
        0x4002100C: "RCC_PLLCFGR",
        0x40021034: "RCC_IOPENR",
        0x4002103C: "RCC_APBENR1",
        0x40022000: "FLASH_ACR",
    }
    reset = {"RCC_CR": 0x500, "RCC_PLLCFGR": 0x1000, "FLASH_ACR": 0x40600}

    def find_vectors(self) -> int:
        return 0x08000000

    def pll_hz(self) -> float:
        setting = self.values["RCC_PLLCFGR"]
        assert setting & 3 == 2, "HSI16 is meant"
        reference = 16e6 / ((setting >> 4 & 7) + 1)
        assert 2.66e6 <= reference <= 16e6
        vco = reference * (setting >> 8 & 127)
        assert 64e6 <= vco <= 344e6
        assert setting >> 28 & 1, "output R is off"
        return vco / ((setting >> 29 & 7) + 1)

    def core_hz(self) -> float:
        return self.pll_hz() if self.values.get("RCC_CFGR", 0) & 7 == 2 else 16e6

    serial_hz = core_hz

    def written(self, name: str, value: int) -> None:
        if name == "RCC_PLLCFGR":
            assert not self.values["RCC_CR"] >> 24 & 1, "the PLL changes while it is on"
        super().written(name, value)
        assert self.values["FLASH_ACR"] >> 18 & 1, "DBG_SWEN lets debuggers in"
        if name == "RCC_CFGR" and value & 7 == 2:
            assert self.values["RCC_CR"] >> 24 & 1
            assert self.core_hz() <= 64e6
            assert self.values["FLASH_ACR"] & 7 >= -(-self.core_hz() // 24e6) - 1

    def read(self, name: str) -> int:
        value = super().read(name)
        if name == "RCC_CR":
            return value | (value & 1 << 24) << 1
        if name == "RCC_CFGR":
            return value | (value & 7) << 3
        return value


class Stm32U575(Stm32):
    """RM0456: range 1 with booster up to 160 MHz, 32 MHz a wait state; UM2861: USART1 on PA9, PA10."""

    memory = {0x08000000: 2 << 20, 0x20000000: 768 << 10}
    gpio, gpio_enable = 0x42020000, "RCC_AHB2ENR1"
    serial, serial_enable = ("USART1", 0x40013800), ("RCC_APB2ENR", 14)
    transmit, receive, function, irq = ("A", 9), ("A", 10), 7, 61
    clocks = {
        0x40022000: "FLASH_ACR",
        0x40030400: "ICACHE_CR",
        0x4602080C: "PWR_VOSR",
        0x46020C00: "RCC_CR",
        0x46020C1C: "RCC_CFGR1",
        0x46020C28: "RCC_PLL1CFGR",
        0x46020C34: "RCC_PLL1DIVR",
        0x46020C8C: "RCC_AHB2ENR1",
        0x46020C94: "RCC_AHB3ENR",
        0x46020CA4: "RCC_APB2ENR",
    }
    reset = {"RCC_CR": 0x35, "RCC_PLL1DIVR": 0x01010280, "ICACHE_CR": 4, "PWR_VOSR": 0x8000}

    def find_vectors(self) -> int:
        return 0x08000000

    def pll_hz(self) -> float:
        config, divide = self.values["RCC_PLL1CFGR"], self.values["RCC_PLL1DIVR"]
        assert config & 3 == 2 and self.values["RCC_CR"] >> 8 & 1, "HSI16 is meant"
        reference = 16e6 / ((config >> 8 & 15) + 1)
        low, high = (8e6, 16e6) if config >> 2 & 3 == 3 else (4e6, 8e6)
        assert low <= reference <= high, "PLL1RGE does not fit the PLL's input"
        vco = reference * ((divide & 511) + 1)
        assert 128e6 <= vco <= 544e6
        assert config >> 18 & 1, "output R is off"
        return vco / ((divide >> 24 & 127) + 1)

    def core_hz(self) -> float:
        return {0: 4e6, 1: 16e6, 3: 0}[self.values.get("RCC_CFGR1", 0) & 3] or self.pll_hz()

    serial_hz = core_hz

    def written(self, name: str, value: int) -> None:
        if name.startswith("PWR"):
            assert self.values.get("RCC_AHB3ENR", 0) >> 2 & 1, "PWR is written while its clock is off"
            if value >> 18 & 1:
                source = {1: 4e6, 2: 16e6}[self.values.get("RCC_PLL1CFGR", 0) & 3]  # KeyError: none is chosen
                mboost = self.values["RCC_PLL1CFGR"] >> 12 & 15
                assert 4e6 <= source / (2 * mboost or 1) <= 16e6, "the booster's clock must be 4 to 16 MHz"
        if name in ("RCC_PLL1CFGR", "RCC_PLL1DIVR"):
            assert not self.values["RCC_CR"] >> 24 & 1, "the PLL changes while it is on"
        super().written(name, value)
        if name == "RCC_CFGR1" and value & 3 == 3:
            assert self.values["RCC_CR"] >> 24 & 1
            core = self.core_hz()
            assert core <= 160e6
            assert self.values["PWR_VOSR"] >> 16 & 7 == 7, "range 1 and the booster are needed above 110 MHz"
            assert self.values["FLASH_ACR"] & 15 >= -(-core // 32e6) - 1

    def read(self, name: str) -> int:
        value = super().read(name)
        if name == "RCC_CR":
            return value | (value & 1 << 8) << 2 | (value & 1 << 24) << 1
        if name == "RCC_CFGR1":
            return value | (value & 3) << 2
        if name == "PWR_VOSR":
            return value | 1 << 15 | (value & 1 << 18) >> 4
        return value


class Stm32N657(Stm32):
    """RM0486, secure aliases; UM3300: USART1 on PE5, PE6.  Image in AXISRAM2, where development boot wants it."""

    memory = {0x34000000: 2 << 20}
    gpio, gpio_enable = 0x56020000, "RCC_AHB4ENR"
    serial, serial_enable = ("USART1", 0x52001000), ("RCC_APB2ENR", 4)
    transmit, receive, function, irq = ("E", 5), ("E", 6), 7, 159
    clocks = {0x5602825C: "RCC_AHB4ENR", 0x5602826C: "RCC_APB2ENR"}

    def find_vectors(self) -> int:
        return 0x34180400

    def core_hz(self) -> float:
        return 64e6

    serial_hz = core_hz
